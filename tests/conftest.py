"""What holds for every test."""

import signal

pytest_plugins = [
    "tests.checker.fixtures",
    "tests.checker.canaries",
    "tests.fakes.nvml.fixtures",
]


def pytest_configure() -> None:
    """Let the processes that tests start hear SIGINT.

    A shell starts what it runs in the background with SIGINT ignored, and that is inherited by
    everything below; a process that handles a signal hands on the default instead.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
