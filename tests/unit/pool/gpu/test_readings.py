"""The probe's lines, and what an Xid means."""

import pytest

from pool.gpu.readings import Device, Process, Reading, Snapshot, from_line, to_line
from pool.gpu.xid import XIDS, Scope, ends_the_device


def test_a_snapshot_survives_its_line():
    device = Device("GPU-1", "Fake\nH200", 0, "00000000:01:00.0", None)
    reading = Reading(1.5, memory_used_bytes=3, power_w=90.5, processes=(Process(7, None),))
    snapshot = Snapshot((device,), {"GPU-1": reading}, ("GPU 1 cannot be opened",))
    line = to_line(snapshot)
    assert line.count(b"\n") == 1
    assert from_line(line) == snapshot


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b'{"devices": 3}', b'{"readings": {"a": {}}}'])
def test_any_other_line_is_a_value_error(line):
    with pytest.raises(ValueError):
        from_line(line)


def test_an_xid_of_the_device_ends_it_in_words():
    assert ends_the_device(79) == (
        "Xid 79: the GPU has fallen off the bus; reset the GPU or give the machine back"
    )


@pytest.mark.parametrize("code", [None, 13, 31, 94, 63, 0, 12345])
def test_an_xid_of_the_application_or_an_unknown_one_ends_nothing(code):
    assert ends_the_device(code) is None


def test_every_xid_says_what_happened():
    assert all(xid.meaning for xid in XIDS.values())
    assert {xid.scope for xid in XIDS.values()} == set(Scope)
