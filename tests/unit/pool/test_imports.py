"""The walls: what the parent process may load, and who may import whom."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
FILES = sorted((ROOT / "pool").rglob("*.py"))
HEAVY = {"torch", "diffusers", "transformers", "numpy", "av", "PIL", "inference", "requests"}


def imported_by(path):
    """Every module that a file imports, at its top or inside a function."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def top(module):
    return module.partition(".")[0]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_the_child_imports_inference_and_nobody_torch(path):
    allowed = {"inference"} if path.parent.name == "child" else set()
    heavy = {top(module) for module in imported_by(path)} & (HEAVY - {"requests"})
    assert heavy <= allowed


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nobody_outside_the_child_imports_the_child(path):
    modules = [module for module in imported_by(path) if f"{module}.".startswith("pool.child.")]
    assert path.parent.name == "child" or modules == []


@pytest.mark.parametrize("module", ["pool.commands.start_pool", "pool.commands.pool_status"])
def test_the_parent_and_the_status_stay_light(module):
    script = f"import sys, {module}; print(sorted({HEAVY} & set(sys.modules)))"
    printed = subprocess.run(
        [sys.executable, "-c", script],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
    ).stdout
    assert printed.strip() == "[]"
