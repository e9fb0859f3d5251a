"""What compiling needs of the machine."""

import pytest

from inference.wan.build_tools import missing


@pytest.fixture
def machine(tmp_path):
    """A PATH with a compiler on it, and a folder with Python's header."""
    for name in ("gcc", "mine", "Python.h"):
        (tmp_path / name).touch(mode=0o755)
    return tmp_path


def test_a_compiler_and_the_header_are_all_that_is_needed(machine):
    assert missing({"PATH": str(machine)}, machine) == []
    assert missing({"PATH": str(machine), "CC": "mine"}, machine) == []


def test_each_that_is_not_there_is_named(machine, tmp_path):
    nowhere = tmp_path / "nowhere"
    assert missing({"PATH": str(nowhere)}, machine) == ["gcc or clang"]
    assert missing({"PATH": str(machine), "CC": "icc"}, machine) == ["icc"]
    assert missing({"PATH": str(machine)}, nowhere) == [f"{nowhere}/Python.h"]
    assert missing({"PATH": str(nowhere)}, nowhere) == ["gcc or clang", f"{nowhere}/Python.h"]
