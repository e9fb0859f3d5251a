"""What stays out of processes that must stay light."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("modules", "heavy"),
    [
        ("inference.registry, inference.seed, inference.photo", {"torch", "numpy", "av"}),
        ("inference.video, inference.mp4", {"torch", "numpy"}),
        ("inference.wan.backend, inference.wan.checkpoint", {"torch", "diffusers", "numpy"}),
        ("inference.wan.facts, inference.wan.download", {"torch", "av", "huggingface_hub"}),
        ("pool.child.preflight", {"torch", "diffusers", "av", "huggingface_hub"}),
    ],
)
def test_light_modules_load_no_heavy_library(modules, heavy):
    script = f"import sys, {modules}; print(sorted({heavy} & set(sys.modules)))"
    printed = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=60
    ).stdout
    assert printed.strip() == "[]"
