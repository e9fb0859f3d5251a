import pytest

from pool.supervisor.stall import Rung, rung


@pytest.mark.parametrize(
    ("stalled_for_s", "reached"),
    [
        (-1e9, Rung.NONE),
        (-0.01, Rung.NONE),
        (0.0, Rung.DUMP),
        (1.99, Rung.DUMP),
        (2.0, Rung.TERMINATE),
        (6.99, Rung.TERMINATE),
        (7.0, Rung.KILL),
        (1e9, Rung.KILL),
    ],
)
def test_the_ladder_is_climbed_as_the_silence_grows(stalled_for_s, reached):
    assert rung(stalled_for_s) is reached
