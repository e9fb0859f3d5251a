"""Names of backends."""

import pytest

from inference.errors import BackendUnusable
from inference.registry import backend_class


class Complete:
    confirmations = 1
    remote = False

    def load(self): ...
    def device_uuid(self): ...
    def unavailable(self): ...
    def worn_out(self): ...
    def prepare(self): ...
    def infer(self): ...
    def encode(self): ...
    def close(self): ...


class Lacking:
    confirmations = 1
    remote = False

    def load(self): ...


def test_wan_is_built_in():
    assert backend_class("wan").__name__ == "WanBackend"


def test_any_class_with_the_right_shape_can_be_named():
    assert backend_class(f"{__name__}:Complete").__name__ == "Complete"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("wna", "'wna' is unknown: give one of runway, wan, or package.module:Class"),
        ("", "is unknown"),
        ("os.path:", "is unknown"),
        (":Class", "is unknown"),
        ("no.such.module:Class", "could not be imported: No module named"),
        ("os.path:Nothing", "os.path has no class Nothing"),
        ("os.path:join", "lacks confirmations, load"),
        (
            f"{__name__}:Lacking",
            "lacks device_uuid, unavailable, worn_out, prepare, infer, encode, close",
        ),
    ],
)
def test_a_name_that_means_nothing_says_why(name, words):
    with pytest.raises(BackendUnusable, match=words):
        backend_class(name)
