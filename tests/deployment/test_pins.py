"""Every package is pinned to one version, and that one is installed."""

from importlib.metadata import distribution

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.fakes.running_pool import ROOT

FILES = ("requirements-runway.txt", "requirements.txt", "requirements-dev.txt")
FROM_ELSEWHERE = {"setuptools"}
"""Needed by torch from Python 3.12 on, and left to the environment's own."""


def requirements_in(name):
    """What stands in a file, without what it includes."""
    lines = (line.partition("#")[0].strip() for line in (ROOT / name).read_text().splitlines())
    return [Requirement(line) for line in lines if line and not line.startswith("-r ")]


ALL = [requirement for name in FILES for requirement in requirements_in(name)]
PINNED = {canonicalize_name(requirement.name) for requirement in ALL}


@pytest.mark.parametrize("requirement", ALL, ids=str)
def test_a_pin_is_exact_and_is_what_is_installed(requirement):
    [pin] = requirement.specifier
    assert pin.operator == "=="
    assert "*" not in pin.version
    assert distribution(requirement.name).version.partition("+")[0] == pin.version


def test_nothing_is_pinned_twice():
    names = [canonicalize_name(requirement.name) for requirement in ALL]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("requirement", ALL, ids=str)
def test_what_a_package_needs_is_pinned_too(requirement):
    """By us, or by the package: torch names its CUDA libraries in one version each."""
    environments = [{"extra": extra} for extra in (*requirement.extras, "")]
    wanted = {
        canonicalize_name(need.name)
        for need in map(Requirement, distribution(requirement.name).requires or ())
        if need.marker is None or any(map(need.marker.evaluate, environments))
        if [specifier.operator for specifier in need.specifier] != ["=="]
    }
    assert wanted - PINNED - FROM_ELSEWHERE == set()
