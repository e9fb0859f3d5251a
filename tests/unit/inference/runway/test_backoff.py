"""How long to wait before Runway is asked again."""

import pytest

from inference.runway.backoff import LONGEST_S, again_after_s


@pytest.mark.parametrize(
    ("failures", "asked_s", "expected_s"),
    [
        (1, None, 5),
        (2, None, 10),
        (3, None, 20),
        (4, None, 40),
        (5, None, LONGEST_S),
        (10_000, None, LONGEST_S),
        (1, 33, 33),
        (4, 33, 40),
        (1, 86_400, LONGEST_S),
        (1, 0, 5),
    ],
)
def test_waits_double_up_to_a_minute_and_are_never_shorter_than_asked_for(
    failures, asked_s, expected_s
):
    assert again_after_s(5, failures, asked_s, 0.0) == expected_s


@pytest.mark.parametrize("failures", [1, 3, 99])
def test_jitter_adds_its_share_and_no_more(failures):
    assert again_after_s(5, failures, None, 0.25) == pytest.approx(
        1.25 * again_after_s(5, failures, None, 0.0)
    )
