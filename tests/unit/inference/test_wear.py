"""When a process has made enough videos."""

import pytest

from inference.wan.wear import GIB, Limits, Usage, Wear


def usage(host: float = 10.0, card: float = 24.0, reserved: float = 40.0) -> Usage:
    return Usage(int(host * GIB), int(card * GIB), int(reserved * GIB))


@pytest.fixture
def wear():
    worn = Wear(Limits(host=2 * GIB, card=1 * GIB))
    for host in (8.0, 10.0, 9.0):
        worn.after_video(usage(host), usable=True)
    return worn


def test_the_same_memory_after_each_video_is_no_wear(wear):
    for _ in range(100):
        wear.after_video(usage(11.9), usable=True)
    assert wear.worn_out is None
    assert wear.made == 103


def test_a_process_that_grows_is_measured_from_where_it_settled(wear):
    wear.after_video(usage(12.0), usable=True)
    assert wear.worn_out is None
    wear.after_video(usage(12.1), usable=True)
    assert wear.worn_out == "its process grew by 2.1 GiB over 5 videos"


def test_growing_on_the_card_counts(wear):
    wear.after_video(usage(card=25.5), usable=True)
    assert wear.worn_out == "its memory on the card grew by 1.5 GiB over 4 videos"


def test_what_the_allocator_keeps_does_not_count(wear):
    wear.after_video(usage(reserved=120.0), usable=True)
    assert wear.worn_out is None


def test_once_worn_out_it_stays_so(wear):
    wear.after_video(usage(30.0), usable=True)
    wear.after_video(usage(10.0), usable=True)
    assert wear.worn_out is not None


def test_four_unusable_videos_in_a_row_are_the_devices_fault(wear):
    for _ in range(3):
        wear.after_video(usage(), usable=False)
    assert wear.worn_out is None
    wear.after_video(usage(), usable=False)
    assert wear.worn_out == "its last 4 videos in a row were black or broken"
    assert wear.unusable == 4


def test_a_good_video_between_bad_ones_clears_the_device(wear):
    for _ in range(5):
        for usable in (False, False, False, True):
            wear.after_video(usage(), usable=usable)
    assert wear.worn_out is None
    assert wear.unusable == 15


def test_usage_reads_in_gibibytes():
    assert str(usage()) == "10.00 GiB, 24.00 GiB on the card, 40.00 GiB reserved"
