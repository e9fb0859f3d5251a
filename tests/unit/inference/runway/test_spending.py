"""What a day may cost."""

import pytest

from inference.runway.spending import Caps, Today, cap_reached, day_start, until_words


@pytest.mark.parametrize(
    ("today", "caps", "reason"),
    [
        (Today(5, 5.0), Caps(), None),
        (Today(1, 0.5), Caps(videos=2), None),
        (Today(2, 0.5), Caps(videos=2), "the day's cap of 2 videos is reached"),
        (Today(1, 0.5), Caps(videos=1), "the day's cap of 1 video is reached"),
        (Today(1, 0.25), Caps(usd=0.5), None),
        (Today(2, 0.5), Caps(usd=0.5), "the day's cap of $0.50 is reached: $0.50 spent (estimate)"),
        (Today(0, 0.0), Caps(usd=0.1), "the day's cap of $0.10 is reached: $0.00 spent (estimate)"),
        (Today(9, 0.1 * 9), Caps(usd=1.15), None),
    ],
)
def test_whether_one_more_video_for_a_quarter_may_be_made(today, caps, reason):
    found = cap_reached(today, caps, 0.25)
    assert (found or "").startswith(reason or "")
    assert (found is None) is (reason is None)


def test_sums_of_floats_do_not_lose_the_last_video():
    assert cap_reached(Today(2, 0.1 + 0.2), Caps(usd=0.4), 0.1) is None


def test_a_day_begins_at_midnight_utc():
    assert day_start(86_400 * 3 + 5) == 86_400 * 3
    assert day_start(86_400 * 3) == 86_400 * 3


def test_the_sums_are_called_an_estimate():
    assert str(Today(3, 0.75)) == "3 videos, about $0.75 (estimate)"


def test_an_instant_is_said_in_utc():
    assert until_words(86_400 * 3 + 3_660) == "until 01:01 UTC"
