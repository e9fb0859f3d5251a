"""Every error of every package that a move can raise is known to the table."""

import errno

import pytest

from client import errors as api
from inference import errors as made
from pool.child import translate
from pool.child.translate import verdict
from pool.errors import LeaseLost, MaybeStored
from pool.lease.moves import (
    Encode,
    Fault,
    Fetch,
    Infer,
    Prepare,
    ProbeUpload,
    Release,
    Renew,
    ReportCompleted,
    ReportFailed,
    Store,
)

NOT_FROM_A_MOVE = {
    api.ClientError,
    made.InferenceError,
    made.BackendUnusable,  # only the constructor and the load raise these two
    made.OptionsWrong,
}


def raised_by(module):
    found = {
        kind
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, BaseException)
    }
    return sorted(found - NOT_FROM_A_MOVE, key=lambda kind: kind.__name__)


@pytest.mark.parametrize("kind", [*raised_by(api), *raised_by(made), LeaseLost, MaybeStored])
def test_every_error_has_a_row(kind):
    assert any(issubclass(kind, row) for row, _ in translate._TABLE)


def test_no_row_is_hidden_behind_an_earlier_one():
    rows = [row for row, _ in translate._TABLE]
    for place, row in enumerate(rows):
        assert not any(issubclass(row, earlier) for earlier in rows[:place])


@pytest.mark.parametrize(
    ("error", "move", "fault"),
    [
        (LeaseLost(), Renew(600), Fault.CANCELLED),
        (made.Cancelled(), Infer(), Fault.CANCELLED),
        (api.TransferStopped("stopped"), Store(), Fault.CANCELLED),
        (api.Transient("503"), Fetch(), Fault.TRANSIENT),
        (api.Unsigned("500"), Fetch(), Fault.UNSIGNED),
        (api.Unauthorized("401"), Renew(600), Fault.TRANSIENT),
        (api.NoSuchLease("404"), Renew(600), Fault.MISSED),
        (api.NoSuchLease("404"), ReportFailed("why"), Fault.MISSED),
        (api.NotYours("403"), ReportCompleted("p"), Fault.REFUSED),
        (api.UrlExpired("old"), Fetch(), Fault.TRANSIENT),
        (api.AlreadyStored("there"), Store(), Fault.STORED_ALREADY),
        (api.ObjectTooLarge("big"), Fetch(), Fault.TASK_AT_FAULT),
        (made.PhotoUnreadable("the photo could not be read"), Prepare(), Fault.TASK_AT_FAULT),
        (made.BadOutput("black"), Encode(), Fault.BAD_OUTPUT),
        (made.TryLater("quota"), Infer(), Fault.NOT_NOW),
    ],
)
def test_an_error_becomes_a_fault(error, move, fault):
    found = verdict(error, move)
    assert found.fault is fault
    assert found.unfit is None


@pytest.mark.parametrize("error", [api.NoSuchLease("404"), api.NotYours("403")])
@pytest.mark.parametrize("move", [ProbeUpload(), Store()])
def test_a_refused_signature_says_nothing_of_the_lease(error, move):
    assert verdict(error, move).fault is Fault.TRANSIENT


def test_a_storage_that_loses_the_upload_is_no_fault_of_the_task():
    assert verdict(api.ObjectMissing("no bucket"), Store()).fault is Fault.TRANSIENT


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EMFILE, errno.EROFS, errno.EDQUOT])
@pytest.mark.parametrize("move", [Fetch(), Encode()])
def test_a_full_host_is_passing_trouble_of_ours(number, move):
    found = verdict(OSError(number, "No space left on device"), move)
    assert (found.fault, found.unfit, found.suspect) == (Fault.TRANSIENT, None, False)
    assert "cannot write files" in found.text


def test_a_broken_device_ends_the_process_and_puts_the_task_under_suspicion():
    found = verdict(made.DeviceUnfit("CUDA error"), Infer())
    assert (found.fault, found.unfit, found.suspect) == (Fault.NOT_NOW, "CUDA error", True)
    assert found.text == "the device failed over it"


@pytest.mark.parametrize(
    "error", [KeyError("secret"), MemoryError(), RecursionError(), ValueError()]
)
@pytest.mark.parametrize(
    ("move", "suspect"), [(Infer(), True), (Prepare(), True), (Fetch(), False), (Release(), False)]
)
def test_a_bug_ends_the_process_and_is_never_the_tasks_fault(error, move, suspect):
    found = verdict(error, move)
    assert found.fault is Fault.NOT_NOW
    assert found.suspect is suspect
    assert found.unfit == f"unexpected {type(error).__name__} in {type(move).__name__.lower()}"
    assert "Error" not in found.text


def test_a_wait_that_the_other_side_asked_for_is_passed_on():
    assert verdict(api.Transient("429", retry_after_s=7.0), Fetch()).retry_after_s == 7.0


@pytest.mark.parametrize("move", [Prepare(), Encode()])
def test_a_folder_that_is_gone_is_held_against_no_task(move):
    found = verdict(FileNotFoundError(errno.ENOENT, "No such file or directory"), move)
    assert (found.fault, found.suspect) == (Fault.NOT_NOW, False)
    assert found.unfit


@pytest.mark.parametrize(
    ("error", "move"),
    [
        (api.ObjectMissing("download at host: HTTP 404"), Fetch()),
        (api.ObjectTooLarge("download at host: the object is larger than 9 bytes"), Fetch()),
        (api.ObjectTooLarge("upload at host: HTTP 413"), Store()),
    ],
)
def test_what_the_photos_owner_reads_names_no_host_and_no_code(error, move):
    text = verdict(error, move).text
    assert text.startswith(("the photo", "the finished video"))
    assert not set(text.split()) & {"host", "HTTP", "404", "413"}
