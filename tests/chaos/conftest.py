"""What the faults of processes and hosts have in common."""

import pytest

from tests.fakes.small_disk import small_disk

CHAOTIC = "tests.chaos.chaotic_backend:ChaoticBackend"


@pytest.fixture
def disk(tmp_path, monkeypatch):
    """A small disk; it outlives the pool's end and the judgement, which come later."""
    made = small_disk(tmp_path / "disk")
    for name, value in made.environ.items():
        monkeypatch.setenv(name, value)
    yield made
    made.close()
