"""How long a video takes, ours and by a plain diffusers pipeline, in one run. By hand, on a GPU:

    python -m tests.benchmarks.wan configs/wan22-ti2v-5b.yaml --json docs/figures/wan22-ti2v-5b.json

Each way runs in a process of its own, because ours sets number formats and attention for its whole
process, with the weights in the host's page cache. The plain one comes first, on the cooler card;
`--ours-first` shows what the order makes. Without the model on disk, `--weights FOLDER` is filled
with random weights of full size: the time does not depend on their values. `--tiny` measures
nothing of interest, in seconds, on a CPU.
"""

import argparse
import json
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import psutil
import torch
import yaml
from torch.utils.flop_counter import FlopCounterMode

from inference.backend import CancelToken, Request
from inference.mp4 import Clip, Style, write_mp4
from inference.wan import tiny
from inference.wan.backend import WanBackend
from inference.wan.facts import check
from inference.wan.family import TI2V_5B, Family
from inference.wan.libraries import (
    UniPCMultistepScheduler,
    WanImageToVideoPipeline,
    WanTransformer3DModel,
)
from inference.wan.pixels import frames_of
from inference.wan.prepared import Prepared, prepare
from inference.wan.settings import Recipe, WanSettings, parse
from tests.benchmarks import full_size
from tests.benchmarks.cards import family_of

PHOTO = Path(__file__).parents[1] / "photos" / "coffee.jpg"
H200_TFLOP_PER_S = 790
"""Measured there for matrix products in bfloat16; what a step could take at best."""
_PROMPT = "the family laughs and waves at the camera, the wind moves their hair"
_READ_BYTES = 64 * 2**20

T = TypeVar("T")


@dataclass
class Video:
    """One video, in seconds. `steps` has each denoising step; `encode` is the MP4."""

    total: float = 0.0
    text: float = 0.0
    steps: list[float] = field(default_factory=list)
    vae: float = 0.0
    encode: float = 0.0

    @property
    def step(self) -> float:
        """The median step, without the first, which waits for what was queued before it."""
        return statistics.median(self.steps[1:] or self.steps)

    @property
    def outside_steps(self) -> float:
        """Everything but the denoising steps."""
        return self.total - sum(self.steps)


@dataclass
class Run:
    """One way of making videos, measured. Bytes are the most at once; the card's 0 on a CPU."""

    load: float
    first: Video
    steady: Video
    card_bytes: int
    host_bytes: int


class Ticks:
    """A progress that remembers when each step ended. Everything after the last is the VAE's."""

    def __init__(self, steps: int) -> None:
        self.began = time.perf_counter()
        self._steps = steps
        self._ends: list[float] = []

    def __call__(self, done: int, _total: int) -> None:
        while len(self._ends) < min(done, self._steps):
            self._ends.append(time.perf_counter())

    def video(self) -> Video:
        """What was seen until now. The photo's encoding counts to the first step."""
        now = time.perf_counter()
        starts = [self.began, *self._ends[:-1]]
        steps = [end - start for start, end in zip(starts, self._ends, strict=True)]
        median = statistics.median(steps[1:] or steps)
        before = max(steps[0] - median, 0.0)
        return Video(
            total=now - self.began,
            steps=[steps[0] - before, *steps[1:]],
            vae=now - self._ends[-1] + before,
        )


def _apart(measure: Callable[..., T], *arguments: object) -> T:
    """What `measure` returns, run in a fresh process: nothing of one way is left for the other."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone:
        return alone.submit(measure, *arguments).result()


def ours(options: Mapping[str, object], work_dir: Path) -> Run:
    """Load the backend as a child does, and make two videos of two prompts."""
    with _memory() as memory:
        began = time.perf_counter()
        backend = WanBackend(options)
        backend.load(lambda *_: None)
        load = time.perf_counter() - began
        videos = []
        for prompt in (_PROMPT, f"{_PROMPT}, again"):
            prepared = backend.prepare(Request("item", PHOTO, prompt, None, None, seed=1))
            videos.append(_our_video(backend, prepared, work_dir))
        backend.close()
    return Run(load, *videos, *memory)


def _our_video(backend: WanBackend, prepared: Prepared, work_dir: Path) -> Video:
    pipeline = backend._pipeline
    began = time.perf_counter()
    pipeline._prompts.embeddings(prepared.prompt)
    _wait()
    text = time.perf_counter() - began
    ticks = Ticks(pipeline._recipe.steps)
    clip = backend.infer(prepared, ticks, CancelToken())
    video = ticks.video()
    began = time.perf_counter()
    backend.encode(clip, work_dir / "ours.mp4", lambda *_: None, CancelToken())
    video.encode = time.perf_counter() - began
    video.text = text
    video.total += text + video.encode
    return video


def plain(settings: WanSettings, recipe: Recipe, prepared: Prepared, work_dir: Path) -> Run:
    """The same two videos as the library's own examples make them, with nothing of ours."""
    with _memory() as memory:
        began = time.perf_counter()
        pipe = WanImageToVideoPipeline.from_pretrained(
            settings.model,
            dtype={"default": getattr(torch, settings.dtype), "vae": torch.float32},
        )
        pipe.scheduler = UniPCMultistepScheduler.from_config(
            pipe.scheduler.config, flow_shift=recipe.flow_shift
        )
        pipe.set_progress_bar_config(disable=True)
        pipe.to(settings.device)
        load = time.perf_counter() - began
        videos = [_plain_video(pipe, settings, recipe, prepared, work_dir) for _ in range(2)]
        del pipe
    return Run(load, *videos, *memory)


def _plain_video(
    pipe: Any, settings: WanSettings, recipe: Recipe, prepared: Prepared, work_dir: Path
) -> Video:
    began = time.perf_counter()
    embeddings = pipe.encode_prompt(
        prepared.prompt, settings.negative_prompt, max_sequence_length=512
    )
    _wait()
    text = time.perf_counter() - began
    ticks = Ticks(recipe.steps)

    def step_done(_pipe: Any, step: int, _time: Any, _kwargs: Any) -> dict[str, Any]:
        _wait()
        ticks(step + 1, recipe.steps)
        return {}

    frames = pipe(
        image=prepared.image,
        height=prepared.height,
        width=prepared.width,
        num_frames=prepared.frames,
        num_inference_steps=recipe.steps,
        guidance_scale=recipe.guidance_scale,
        guidance_scale_2=recipe.guidance_scale_2,
        generator=torch.Generator().manual_seed(1),
        prompt_embeds=embeddings[0],
        negative_prompt_embeds=embeddings[1],
        output_type="pt",
        callback_on_step_end=step_done,
    ).frames[0]
    clip = Clip(frames_of(frames), recipe.fps)
    video = ticks.video()
    began = time.perf_counter()
    style = Style(settings.crf, settings.encoder_preset)
    write_mp4(clip, work_dir / "plain.mp4", style, lambda *_: None, CancelToken())
    video.encode = time.perf_counter() - began
    video.text = text
    video.total += text + video.encode
    return video


def _into_the_page_cache(folder: Path) -> None:
    """Read every weight once, so that the second load is not quicker than the first."""
    for file in folder.rglob("*.safetensors"):
        with file.open("rb", buffering=0) as stream:
            while stream.read(_READ_BYTES):
                pass


def step_tflop(folder: Path, family: Family, recipe: Recipe, prepared: Prepared) -> float:
    """The work of one step, in TFLOP, by torch's counter on the model's real configuration."""
    config = json.loads((folder / "transformer" / "config.json").read_text())
    scale = family.multiple // 2
    frames = 1 + (prepared.frames - 1) // 4
    height, width = prepared.height // scale, prepared.width // scale
    with torch.device("meta"), torch.no_grad():
        model = WanTransformer3DModel.from_config(config).bfloat16()
        latents = torch.empty(1, config["in_channels"], frames, height, width).bfloat16()
        tokens = family.tokens(prepared.height * prepared.width, prepared.frames)
        timestep = torch.empty((1, tokens) if family is TI2V_5B else (1,))
        text = torch.empty(1, 512, config["text_dim"]).bfloat16()
        inputs = {"timestep": timestep, "encoder_hidden_states": text}
        if config.get("image_dim"):
            images = torch.empty(1, 257, config["image_dim"]).bfloat16()
            inputs["encoder_hidden_states_image"] = images
        with FlopCounterMode(display=False) as counter:
            model(latents, **inputs, return_dict=False)
    return counter.get_total_flops() * (2 if recipe.guidance_scale > 1 else 1) / 1e12


def _plain(settings: WanSettings, recipe: Recipe, prepared: Prepared, work_dir: Path) -> Run | None:
    """The library's own way keeps everything on the card, which may be too small for it."""
    try:
        return plain(settings, recipe, prepared, work_dir)
    except torch.OutOfMemoryError:
        return None


@contextmanager
def _memory() -> Iterator[list[int]]:
    """The most of the card's and the host's memory that was in use, filled in at the end."""
    found: list[int] = [0, 0]
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    yield found
    found[0] = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0
    found[1] = psutil.Process().memory_info().rss
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def _summary(run: Run | None) -> dict[str, object] | None:
    if run is None:
        return None
    return asdict(run) | {
        "seconds_per_step": run.steady.step,
        "outside_steps": run.steady.outside_steps,
    }


def report(given: argparse.Namespace, work_dir: Path) -> dict[str, object]:
    """Measure as the command line says; the figures, and what they were measured on."""
    chosen = options(given)
    settings = parse(chosen)
    facts = check(settings)
    family, recipe = facts.checkpoint.family, facts.recipe
    prepared = prepare(
        Request("item", PHOTO, _PROMPT, None, None, seed=1), settings, recipe, family
    )
    tflop = step_tflop(facts.checkpoint.folder, family, recipe, prepared)
    _into_the_page_cache(facts.checkpoint.folder)
    plain_run = None
    if given.ours_first:
        our_run = _apart(ours, chosen, work_dir)
    if not given.skip_plain:
        plain_run = _apart(_plain, settings, recipe, prepared, work_dir)
    if not given.ours_first:
        our_run = _apart(ours, chosen, work_dir)
    floor_s = tflop / given.tflop_per_s
    return {
        "preset": given.preset.stem,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "options": {key: str(value) for key, value in chosen.items()},
        "video": f"{prepared.width}x{prepared.height}, {prepared.frames} frames, "
        f"{recipe.steps} steps",
        "ours_first": given.ours_first,
        "step_tflop": tflop,
        "floor_seconds_per_step": floor_s,
        "share_of_floor": floor_s / our_run.steady.step,
        "ours": _summary(our_run),
        "plain": _summary(plain_run),
        "times_faster": plain_run and plain_run.steady.total / our_run.steady.total,
    }


def machine() -> dict[str, str]:
    """What the figures were measured on."""
    names = ("torch", "diffusers", "transformers", "accelerate")
    cuda = torch.cuda.is_available()
    return {name: version(name) for name in names} | {
        "gpu": torch.cuda.get_device_name() if cuda else "none",
        "cuda": str(torch.version.cuda),
        "cpu": platform.processor() or platform.machine(),
        "python": platform.python_version(),
    }


def options(given: argparse.Namespace) -> dict[str, object]:
    """The preset's options with the command line's; the weights are made where there are none."""
    chosen: dict[str, object] = dict(yaml.safe_load(given.preset.read_text())["wan"])
    chosen["device"] = given.device
    family = family_of(given.preset.stem)
    if given.tiny:
        chosen |= {"model": str(tiny.build(family.name, given.weights)), "dtype": "float32"}
        chosen |= {"video_size": "96*64", "frame_num": 9, "steps": 2}
    elif given.weights is not None:
        if not (given.weights / "model_index.json").is_file():
            full_size.build(family.name, given.weights, given.device)
        chosen["model"] = str(given.weights)
    for assignment in given.set:
        key, _, value = assignment.partition("=")
        chosen[key] = value
    return chosen


def _words(figures: Mapping[str, Any]) -> str:
    lines = [f"{figures['preset']}: {figures['video']} on {figures['machine']['gpu']}"]
    for name in ("ours", "plain"):
        run = figures[name]
        if run is not None:
            steady = run["steady"]
            lines.append(
                f"{name:6} load {run['load']:.1f} s, first {run['first']['total']:.1f} s, "
                f"steady {steady['total']:.1f} s: {run['seconds_per_step']:.3f} s a step, "
                f"text {steady['text']:.2f}, VAE {steady['vae']:.2f}, "
                f"encode {steady['encode']:.2f}, outside the steps {run['outside_steps']:.1f} s; "
                f"{run['card_bytes'] / 1e9:.1f} GB on the card"
            )
    lines.append(
        f"a step is {figures['step_tflop']:.0f} TFLOP; at {H200_TFLOP_PER_S} TFLOP/s, or what was "
        f"given, ours reaches {figures['share_of_floor']:.1%} of the floor"
    )
    if figures["times_faster"]:
        lines.append(f"ours is {figures['times_faster']:.2f} times as fast as plain diffusers")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    """Measure, print, and write JSON."""
    flags = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    flags.add_argument("preset", type=Path, help="a file of configs/")
    flags.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    flags.add_argument("--weights", type=Path, help="folder of random weights; made if missing")
    flags.add_argument("--tiny", action="store_true", help="a tiny model, to try the benchmark")
    flags.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    flags.add_argument("--tflop-per-s", type=float, default=H200_TFLOP_PER_S)
    flags.add_argument("--skip-plain", action="store_true", help="measure ours alone")
    flags.add_argument("--ours-first", action="store_true", help="measure the plain one last")
    flags.add_argument("--json", type=Path, help="where the figures are written")
    given = flags.parse_args(arguments)
    with tempfile.TemporaryDirectory() as work_dir:
        if given.tiny:
            given.weights = Path(work_dir) / "weights"
        figures = report(given, Path(work_dir))
    print(_words(figures))
    if given.json is not None:
        given.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
