"""What makes the videos in this demonstration: which weights, on what, with which settings.

Another way of making them is another function that returns a `Maker`.
"""

import contextlib
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from demo.errors import DemoFailed
from demo.flags import Flags
from demo.folder import DemoFolder
from demo.process import Process
from demo.runway_double import KEY, PROVIDER, start_double
from demo.services import ROOT, clean_environment
from pool.counted import counted

DEFAULT_MODEL = "Wan-AI/Wan2.2-TI2V-5B-Diffusers"
_TINY = "wan22-ti2v-5b"
_TINY_SETTINGS = {"video_size": "320*192", "frame_num": 25, "steps": 24, "fps": 12}
_NO_DEVICE = 3
"""What `start-pool` exits with where there is no GPU."""
_REMARK = """\
A double of Runway made these: each photo, slowly coming nearer. Nothing was
paid; what the pool's status calls spent is what the real one would have cost."""


@dataclass(frozen=True)
class Maker:
    """`words` for a person; `settings` for the pool's config file.

    `remark` is said once the videos are there. `provider` is what tasks call it (None: they name
    none). `keys` are the pool's environment variables, beside the Worker API's, and `helpers` the
    processes that it needs, already started.
    """

    words: str
    settings: Mapping[str, object]
    remark: str = ""
    provider: str | None = None
    keys: Mapping[str, str] = field(default_factory=dict)
    helpers: tuple[Process, ...] = ()


@contextlib.contextmanager
def ready(flags: Flags, folder: DemoFolder) -> Iterator[Maker]:
    """The maker for these flags on this machine; what it needs runs until the block ends.

    Raises `DemoFailed`.
    """
    if flags.mode == "wan":
        yield chosen(flags, folder.weights)
        return
    double, url = start_double(folder)
    with double:
        yield Maker(
            f"{counted(flags.workers, 'worker')} in Runway mode\n"
            f"runway  {url}, a DOUBLE: not the real Runway, nothing is paid",
            {
                "worker_type": "runway",
                "workers": flags.workers,
                "runway_base_url": url,
                "runway_poll_interval": 1,
            },
            remark=_REMARK,
            provider=PROVIDER,
            keys={"RUNWAY_API_KEY": KEY},
            helpers=(double,),
        )


def chosen(flags: Flags, weights: Path) -> Maker:
    """The maker for these flags on this machine; tiny weights are written into `weights` if needed.

    Raises `DemoFailed`.
    """
    model = flags.model
    if model is not None and not _is_here(model):
        raise DemoFailed(
            f"--model {model} is neither a folder with a model_index.json nor in the local cache"
        )
    on_gpus = not flags.cpu and _has_gpu(weights)
    if model is None and on_gpus and _in_cache(DEFAULT_MODEL):
        model = DEFAULT_MODEL
    where = "one worker for each GPU" if on_gpus else counted(flags.workers, "CPU worker")
    place = {"device": "cuda"} if on_gpus else {"device": "cpu", "workers": flags.workers}
    if model is not None:
        return Maker(f"{where}, {model}", {**place, "wan": {"model": _absolute(model)}})
    return Maker(
        f"{where}, tiny random weights: real work, noise for a picture",
        {**place, "wan": {"model": str(_tiny_weights(weights)), **_TINY_SETTINGS}},
    )


def _absolute(model: str) -> str:
    """The pool is started in a folder of its own, so a folder's name must not be relative."""
    return str(Path(model).resolve()) if Path(model).is_dir() else model


def _has_gpu(folder: Path) -> bool:
    """Whether the pool finds a GPU, by its own rules (`CUDA_VISIBLE_DEVICES` among them).

    Asked from `folder`, which is the demonstration's own: a `.env` where the person stands is for
    the person's own pool, which may be one without GPUs.
    """
    looked = subprocess.run(
        [ROOT / "bin" / "start-pool", "--dry-run"],
        cwd=folder,
        env=clean_environment() | {"VERCEL_API_URL": "http://127.0.0.1", "WORKER_API_KEY": "-"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if looked.returncode not in (0, _NO_DEVICE):
        raise DemoFailed(looked.stderr.strip())
    return looked.returncode == 0


def _is_here(model: str) -> bool:
    folder = Path(model)
    return (folder / "model_index.json").is_file() if folder.is_dir() else _in_cache(model)


def _in_cache(model: str) -> bool:
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        return isinstance(try_to_load_from_cache(model, "model_index.json"), str)
    except HFValidationError:  # a path that is not there
        return False


def _tiny_weights(weights: Path) -> Path:
    """The folder of tiny weights; written under another name first, so that it is never half."""
    folder = (weights / _TINY).absolute()
    if folder.is_dir():
        return folder
    partial = folder.with_name(f"{_TINY}.part")
    written = subprocess.run(
        [sys.executable, "-P", "-m", "inference.wan.tiny", "--family", _TINY, partial],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if written.returncode != 0:
        said = written.stderr.strip().rpartition("\n")[2]
        raise DemoFailed(f"the tiny weights could not be written to {folder}: {said}")
    return partial.replace(folder)
