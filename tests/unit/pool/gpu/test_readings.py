"""The probe's lines."""

import pytest

from pool.gpu.readings import (
    Brake,
    Device,
    Process,
    Reading,
    Recovery,
    Snapshot,
    from_line,
    to_line,
)


def test_a_snapshot_survives_its_line():
    device = Device("GPU-1", "Fake\nH200", 0, "00000000:01:00.0", None)
    reading = Reading(
        1.5,
        memory_used_bytes=3,
        power_w=90.5,
        processes=(Process(7, None),),
        xids={79: 2},
        throttled_by=(Brake.HEAT,),
        recovery=Recovery.RESET,
    )
    snapshot = Snapshot((device,), {"GPU-1": reading}, ("GPU 1 cannot be opened",), incomplete=True)
    line = to_line(snapshot)
    assert line.count(b"\n") == 1
    assert from_line(line) == snapshot


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b'{"devices": 3}', b'{"readings": {"a": {}}}'])
def test_any_other_line_is_a_value_error(line):
    with pytest.raises(ValueError):
        from_line(line)
