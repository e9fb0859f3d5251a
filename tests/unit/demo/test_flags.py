"""What `bin/demo` can be asked for."""

from pathlib import Path

import pytest

from demo.flags import Flags, parsed


def test_by_default_it_makes_do_with_this_machine_and_stays_up():
    assert parsed([]) == Flags(
        leave=False,
        mode="wan",
        model=None,
        cpu=False,
        workers=2,
        data=Path("demo-data"),
        port=0,
    )


@pytest.mark.parametrize(
    "wrong", [("--workers", "0"), ("--workers", "x"), ("--device", "tpu"), ("--colour",)]
)
def test_a_wrong_flag_ends_with_2(wrong, capsys):
    with pytest.raises(SystemExit) as ended:
        parsed(wrong)
    assert ended.value.code == 2


@pytest.mark.parametrize("wan", [("--model", "weights"), ("--device", "cpu")])
def test_what_only_wan_knows_is_refused_with_runway(wan, capsys):
    with pytest.raises(SystemExit) as ended:
        parsed(["--mode", "runway", *wan])
    assert ended.value.code == 2
    assert "leave them out with --mode runway" in capsys.readouterr().err
