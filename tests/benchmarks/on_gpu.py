"""Everything that only a GPU can tell about WAN, in parts of at most ten minutes. By hand:

    python -m tests.benchmarks.on_gpu              every part, each in a process of its own
    python -m tests.benchmarks.on_gpu 5b vae       these parts

Each part writes `wan-<part>.json` into docs/figures and depends on nothing but the weights, which
the first one to need them makes: random ones of full size, where `--weights` holds none. `--tiny`
rehearses a part with a tiny model, on a CPU as well.
"""

import argparse
import json
import math
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Any
from xml.etree import ElementTree as ET

import torch

from inference.backend import CancelToken, Request
from inference.errors import DeviceUnfit
from inference.wan.backend import WanBackend
from inference.wan.libraries import AutoencoderKLWan
from tests.benchmarks import wan
from tests.benchmarks.cards import ROOT

_LIMIT_S = 600
_NEED_A_CARD = ("tests/gpu", "tests/integration/inference")
_RATIO_STEPS = 20
"""Enough to know a step by; a plain pipeline's fifty would not fit into a part's time."""
_PLACES = (
    ("none", False),
    ("text_encoder", False),
    ("model", False),
    ("model", True),
    ("group", True),
)


def _card(given: argparse.Namespace) -> None:
    """The tests that need a card, and whether they passed; null where none of them ran."""
    marked = [sys.executable, "-m", "pytest", "-q", "-m", "gpu", *_NEED_A_CARD]
    report = given.out / "wan-card.xml"
    given.out.mkdir(parents=True, exist_ok=True)
    code = subprocess.run([*marked, f"--junitxml={report}"], cwd=ROOT, check=False).returncode
    (suite,) = ET.parse(report).getroot()
    report.unlink()
    ran = int(suite.attrib["tests"]) - int(suite.attrib["skipped"])
    _write(given, "card", {"tests_ran": ran, "tests_passed": code == 0 if ran else None})


def _benchmark(part: str, preset: str, *more: str) -> Callable[[argparse.Namespace], None]:
    def run(given: argparse.Namespace) -> None:
        arguments = [str(ROOT / "configs" / f"{preset}.yaml"), "--device", given.device, *more]
        if given.tiny:
            # A tiny model makes a tiny video: what was asked of the large one is left out.
            arguments = [*arguments[:3], "--tiny", *(flag for flag in more if flag[:6] == "--skip")]
        else:
            arguments += ["--weights", str(given.weights / preset)]
        wan.main([*arguments, "--json", str(_target(given, part))])

    return run


def _vae(given: argparse.Namespace) -> None:
    """What the 5B's decoding takes in each way that might be quicker, and what it changes."""
    options = wan.options(_of_preset(given, "wan22-ti2v-5b"))
    folder = Path(str(options["model"])) / "vae"
    vae = AutoencoderKLWan.from_pretrained(folder, dtype=torch.float32).to(given.device)
    frames, height, width = (3, 4, 6) if given.tiny else (31, 44, 80)
    shape = (1, vae.config.z_dim, frames, height, width)
    latents = torch.randn(shape, generator=torch.Generator().manual_seed(1)).to(given.device)
    exact, figures = None, {}
    for name, change in _DECODERS.items():
        change(vae)
        for _ in range(2):
            # The second one: the first searches for kernels.
            video, figures[name] = _decoded(vae, latents)
        exact = video if exact is None else exact
        figures[name]["psnr_db"] = _psnr(video, exact)
    _write(given, "vae", {"weights": str(folder), "ways": figures})


def _channels_last(vae: Any) -> None:
    for module in vae.modules():
        if isinstance(module, torch.nn.Conv3d):
            module.to(memory_format=torch.channels_last_3d)


_DECODERS: MappingProxyType[str, Callable[[Any], Any]] = MappingProxyType(
    {
        "float32": lambda vae: None,
        "float32, kernels searched": lambda vae: setattr(torch.backends.cudnn, "benchmark", True),
        "float32, channels last": _channels_last,
        "bfloat16, channels last": lambda vae: vae.to(torch.bfloat16),
    }
)
"""Each is made of the one before it, in this order."""


@torch.no_grad()
def _decoded(vae: Any, latents: torch.Tensor) -> tuple[torch.Tensor, dict[str, float]]:
    if latents.is_cuda:
        torch.cuda.reset_peak_memory_stats()
    began = time.perf_counter()
    video = vae.decode(latents.to(vae.dtype), return_dict=False)[0].float().cpu()
    took_s = time.perf_counter() - began
    peak = torch.cuda.max_memory_allocated() if latents.is_cuda else 0
    return video, {"seconds": took_s, "peak_bytes": peak}


def _psnr(video: torch.Tensor, exact: torch.Tensor) -> float | None:
    """In decibels, over the range of a picture (-1 to 1); None where nothing differs."""
    error = float(torch.mean((video - exact) ** 2))
    return 10 * math.log10(4 / error) if error else None


def _plan(given: argparse.Namespace) -> None:
    """For each way of placing the 5B: what was estimated, and what the card really held."""
    options = wan.options(_of_preset(given, "wan22-ti2v-5b"))
    figures = []
    for offload, tiling in _PLACES:
        place = {"offload": offload, "vae_tiling": tiling, "compile": "off", "steps": 2}
        backend = WanBackend({**options, **place, "warm_up": False})
        try:
            figures.append(_peak(backend) | {"offload": offload, "vae_tiling": tiling})
        except DeviceUnfit as error:
            figures.append({"offload": offload, "vae_tiling": tiling, "failed": str(error)})
        backend.close()
    _write(given, "plan", {"places": figures})


def _peak(backend: WanBackend) -> dict[str, int]:
    cuda = torch.cuda.is_available()
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    backend.load(lambda *_: None)
    request = Request("item", wan.PHOTO, "a walk", None, None, seed=1)
    backend.infer(backend.prepare(request), lambda *_: None, CancelToken())
    return {
        "estimated_bytes": backend._plan.peak_bytes,
        "allocated_bytes": torch.cuda.max_memory_allocated() if cuda else 0,
        "reserved_bytes": torch.cuda.max_memory_reserved() if cuda else 0,
    }


PARTS: MappingProxyType[str, Callable[[argparse.Namespace], None]] = MappingProxyType(
    {
        "card": _card,
        "5b": _benchmark("5b", "wan22-ti2v-5b", "--skip-plain"),
        "5b-ratio": _benchmark("5b-ratio", "wan22-ti2v-5b", "--set", f"steps={_RATIO_STEPS}"),
        "5b-fp8": _benchmark(
            "5b-fp8", "wan22-ti2v-5b", "--skip-plain", "--set", "fp8=true", "--set", "steps=20"
        ),
        "vae": _vae,
        "plan": _plan,
        "a14b-480p": _benchmark(
            "a14b-480p",
            "wan22-i2v-a14b",
            "--skip-plain",
            *("--set", "video_size=832*480", "--set", "steps=8"),
        ),
    }
)


def _of_preset(given: argparse.Namespace, preset: str) -> argparse.Namespace:
    """What the benchmark's command line would hold for this preset."""
    return argparse.Namespace(
        preset=ROOT / "configs" / f"{preset}.yaml",
        device=given.device,
        tiny=given.tiny,
        weights=given.weights / preset,
        set=[],
    )


def _target(given: argparse.Namespace, part: str) -> Path:
    given.out.mkdir(parents=True, exist_ok=True)
    target: Path = given.out / f"wan-{part}.json"
    return target


def _write(given: argparse.Namespace, part: str, figures: dict[str, object]) -> None:
    whole = {"machine": wan.machine(), **figures}
    _target(given, part).write_text(json.dumps(whole, indent=1) + "\n")


def _apart(part: str, arguments: list[str]) -> str:
    """Run one part in a process of its own, and say in a word what came of it."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", __spec__.name, part, *arguments],
            cwd=ROOT,
            timeout=_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"took longer than {_LIMIT_S} s"
    return "done" if done.returncode == 0 else f"failed with {done.returncode}"


def main(arguments: list[str] | None = None) -> None:
    """Run the parts that the command line names."""
    flags = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    flags.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}")
    flags.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    flags.add_argument("--weights", type=Path, default=ROOT / "weights", help="folder of models")
    flags.add_argument("--out", type=Path, default=ROOT / "docs" / "figures")
    flags.add_argument("--tiny", action="store_true", help="rehearse with a tiny model")
    given = flags.parse_args(arguments)
    if unknown := set(given.parts) - set(PARTS):
        flags.error(f"there is no part {', '.join(sorted(unknown))}")
    if len(given.parts) == 1:
        PARTS[given.parts[0]](given)
        return
    passed_on = ["--device", given.device, "--weights", str(given.weights), "--out", str(given.out)]
    for part in given.parts or PARTS:
        print(f"{part}: {_apart(part, passed_on + ['--tiny'] * given.tiny)}", flush=True)


if __name__ == "__main__":
    main()
