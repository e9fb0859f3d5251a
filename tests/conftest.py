"""What holds for every test."""

import signal

from hypothesis import HealthCheck, settings

pytest_plugins = [
    "tests.checker.fixtures",
    "tests.checker.canaries",
    "tests.fakes.nvml.fixtures",
    "tests.gpu.alone",
]

# A busy machine is no fault of what is tested. Where CI is set, Hypothesis draws nothing at random.
settings.register_profile(
    "any machine",
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("any machine")


def pytest_configure() -> None:
    """Let the processes that tests start hear SIGINT.

    A shell starts what it runs in the background with SIGINT ignored, and that is inherited by
    everything below; a process that handles a signal hands on the default instead.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
