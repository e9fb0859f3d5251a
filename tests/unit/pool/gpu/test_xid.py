"""What an Xid asks for."""

import pytest

from pool.gpu.xid import ROWS, XIDS, Action, ends_the_device, ends_the_process


def test_an_xid_of_the_device_ends_it_in_words():
    assert ends_the_device([64]) == (
        "Xid 64: a broken row of memory could not be replaced; "
        "reset the GPU or give the machine back"
    )
    assert ends_the_device([79]) == (
        "Xid 79: the GPU has fallen off the bus; restart the machine or give it back"
    )


def test_a_fatal_xid_is_found_among_those_that_follow_it():
    assert ends_the_device([45, 13, 48, 43]).startswith("Xid 48")


@pytest.mark.parametrize("code", [13, 31, 94, 63, 45, 0, 12345])
def test_an_xid_of_the_application_or_an_unknown_one_ends_no_device(code):
    assert ends_the_device([code]) is None


@pytest.mark.parametrize(("code", "ends"), [(13, True), (31, True), (43, False), (63, False)])
def test_an_xid_of_the_application_ends_its_process(code, ends):
    assert (ends_the_process([code]) is not None) is ends


def test_no_code_stands_in_two_rows_and_every_action_has_some():
    codes = [code for _, codes, _ in ROWS for code in codes]
    assert sorted(codes) == sorted(XIDS)
    assert {xid.action for xid in XIDS.values()} == set(Action)
