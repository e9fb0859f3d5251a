"""What the end of a child means to its slot, and to a person."""

import signal

import msgspec
import pytest

from pool.exit_codes import ExitCode
from pool.supervisor.exits import ChildExit, suspects
from pool.supervisor.states import SlotEvent
from tests.unit.pool.supervisor.fake_child import working

E = SlotEvent


@pytest.mark.parametrize(
    ("returncode", "running", "draining"),
    [
        (ExitCode.CLEAN, E.DIED, E.FINISHED),
        (ExitCode.CONFIG, E.UNUSABLE, E.UNUSABLE),
        (ExitCode.NO_DEVICE, E.DIED_TOO_OFTEN, E.DIED_TOO_OFTEN),
        (ExitCode.UNAUTHORIZED, E.UNUSABLE, E.UNUSABLE),
        (ExitCode.DEVICE_UNFIT, E.DIED, E.DIED),
        (ExitCode.ORPHANED, E.DIED, E.DIED),
        (ExitCode.STOPPED, E.DIED, E.FINISHED),
        (1, E.DIED, E.DIED),
        (134, E.DIED, E.DIED),
        (-signal.SIGKILL, E.DIED, E.DIED),
        (-signal.SIGSEGV, E.DIED, E.DIED),
    ],
)
def test_an_exit_is_an_event_to_its_slot(returncode, running, draining):
    exit_ = ChildExit.of(returncode, "")
    assert exit_.event(draining=False) is running
    assert exit_.event(draining=True) is draining


@pytest.mark.parametrize(
    ("returncode", "said", "reason"),
    [
        (-9, "", "killed by SIGKILL"),
        (-11, "about to say more", "killed by SIGSEGV"),
        (-40, "", "killed by signal 40"),
        (6, "CUDA error: device-side assert", "CUDA error: device-side assert"),
        (6, "", "it could make no further video"),
        (0, "", "ended without being asked to"),
        (3, "", "wrong device"),
        (77, "", "ended with code 77"),
    ],
)
def test_an_exit_is_told_in_words(returncode, said, reason):
    assert ChildExit.of(returncode, said).reason == reason


def test_a_child_is_suspected_to_have_died_of_what_it_computed_on():
    waiting = msgspec.structs.replace(working(item_id="bought"), computing=False)
    tasks = [working(item_id="computed"), waiting, working(item_id="fetched", stage="download")]
    assert suspects(tasks) == ["computed"]


def test_no_way_to_die_is_without_words():
    assert all(ChildExit.of(code, "").reason for code in [*range(256), *range(-64, 0)])
