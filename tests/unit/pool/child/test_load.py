"""A backend that loads, one that does not, and one that sits on somebody else's device."""

import pytest

from inference.errors import BackendUnusable, DeviceUnfit
from pool.child.load import loaded
from pool.exit_codes import ExitCode

UUID = "GPU-10000000-0000-4000-8000-00000000000a"


class Loading:
    """A backend as far as loading goes."""

    def __init__(self, uuid=None, error=None):
        self.uuid = uuid
        self.error = error

    def load(self, progress):
        if self.error is not None:
            raise self.error
        progress(1, 1)

    def device_uuid(self):
        return self.uuid


def outcome(backend, assigned=None):
    return loaded(backend, assigned, lambda _done, _total: None)


@pytest.mark.parametrize(
    ("seen", "assigned"),
    [
        (None, None),
        (UUID, None),
        (UUID, UUID),
        (UUID.removeprefix("GPU-"), UUID),
        (UUID.upper().removeprefix("GPU-"), UUID),
        ("MIG-1", "MIG-1"),
    ],
)
def test_the_assigned_device_is_recognised_however_a_library_spells_it(seen, assigned):
    assert outcome(Loading(seen), assigned) is None


@pytest.mark.parametrize("seen", [None, "GPU-2", UUID + "1"])
def test_another_device_ends_the_child(seen):
    exit_ = outcome(Loading(seen), UUID)
    assert exit_.code is ExitCode.NO_DEVICE
    assert exit_.reason == f"wrong device: {seen} is in use, {UUID} was assigned"


@pytest.mark.parametrize(
    ("error", "code", "reason"),
    [
        (BackendUnusable("no weights in /m"), ExitCode.CONFIG, "no weights in /m"),
        (DeviceUnfit("CUDA error"), ExitCode.DEVICE_UNFIT, "CUDA error"),
        (
            RuntimeError("https://host/?token=abc"),
            ExitCode.DEVICE_UNFIT,
            "the backend could not be loaded: RuntimeError",
        ),
        (
            SystemExit("no licence"),
            ExitCode.DEVICE_UNFIT,
            "the backend could not be loaded: SystemExit",
        ),
    ],
)
def test_a_backend_that_does_not_load_ends_the_child_with_a_reason(error, code, reason):
    exit_ = outcome(Loading(error=error))
    assert (exit_.code, exit_.reason) == (code, reason)
