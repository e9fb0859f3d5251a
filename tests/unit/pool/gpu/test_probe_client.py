"""The supervisor's end of the probe, with a probe and a clock that the test turns by hand."""

import dataclasses
import errno

import pytest
from loguru import logger

from pool.gpu.probe_client import FIRST_LINE_S, HUNG, LINE_S, RENEW_S, ProbeClient
from pool.gpu.readings import Reading, Snapshot, to_line

GOOD = Snapshot(readings={"GPU-1": Reading(1.0)})


class HandProbe:
    """A probe that says what the test puts into it."""

    pid = 4000

    def __init__(self):
        self.waiting = []
        self.exit_code = None
        self.killed = False
        self.closed = False
        self.dies_when_killed = True
        self.hangs = False

    def lines(self):
        lines, self.waiting = self.waiting, []
        return lines

    def kill(self):
        self.killed = True
        if self.dies_when_killed:
            self.exit_code = -9

    def close(self):
        self.closed = True


class Bench:
    """A client, and every probe that it started."""

    def __init__(self, *wanted):
        self.probes = []
        self.no_room = False
        self.client = ProbeClient(self._start, wanted)

    def _start(self, left_alone):
        if self.no_room:
            raise OSError(errno.EMFILE, "Too many open files")
        self.probes.append(HandProbe())
        self.left_alone = list(left_alone)
        return self.probes[-1]

    def hear(self, snapshot, now):
        self.probes[-1].waiting.append(to_line(snapshot))
        return self.client.poll(now)


@pytest.fixture
def bench():
    return Bench()


@pytest.fixture
def logged():
    lines = []
    sink = logger.add(lambda message: lines.append(message.record["message"]), level="INFO")
    yield lines
    logger.remove(sink)


def test_the_first_poll_starts_a_probe_and_knows_nothing_yet(bench):
    assert bench.client.poll(0) is None
    assert len(bench.probes) == 1


def test_a_line_becomes_telemetry_once(bench):
    bench.client.poll(0)
    assert bench.hear(GOOD, 1).snapshot == GOOD
    assert bench.client.poll(1.1) is None


def test_of_several_lines_the_newest_counts(bench):
    bench.client.poll(0)
    bench.probes[0].waiting = [to_line(Snapshot()), to_line(GOOD)]
    assert bench.client.poll(1).snapshot == GOOD


def test_the_first_line_may_take_longer_than_later_ones(bench):
    bench.client.poll(0)
    assert bench.client.poll(FIRST_LINE_S - 0.1) is None
    assert bench.client.poll(FIRST_LINE_S).reason == HUNG


def test_a_probe_that_falls_silent_is_killed_and_replaced_after_the_backoff(bench):
    bench.client.poll(0)
    bench.hear(GOOD, 1)
    assert bench.client.poll(1 + LINE_S - 0.1) is None
    assert bench.client.poll(1 + LINE_S).reason == HUNG
    assert bench.probes[0].killed
    bench.client.poll(1 + LINE_S + 0.9)
    assert len(bench.probes) == 1
    bench.client.poll(1 + LINE_S + 1)
    assert len(bench.probes) == 2


def test_lines_that_came_while_this_process_was_stopped_save_the_probe(bench):
    bench.client.poll(0)
    bench.hear(GOOD, 1)
    assert bench.hear(GOOD, 1000).snapshot == GOOD
    assert not bench.probes[0].killed


def test_no_second_probe_joins_one_that_hangs_in_the_driver_past_its_kill(bench):
    bench.client.poll(0)
    bench.probes[0].dies_when_killed = False
    bench.client.poll(FIRST_LINE_S)
    bench.client.poll(10_000)
    assert len(bench.probes) == 1
    bench.probes[0].exit_code = -9
    bench.client.poll(10_001)
    assert len(bench.probes) == 2


def test_a_probe_that_says_why_nvml_fails_gives_the_reason(bench):
    bench.client.poll(0)
    telemetry = bench.hear(Snapshot(error="no driver; install it"), 1)
    assert (telemetry.snapshot, telemetry.reason) == (None, "no driver; install it")


def test_the_last_words_of_a_probe_that_ended_are_heard(bench):
    bench.client.poll(0)
    bench.probes[0].exit_code = 1
    assert bench.hear(Snapshot(error="no driver"), 1).reason == "no driver"


def test_a_probe_that_ends_without_a_word_gives_its_exit_code(bench):
    bench.client.poll(0)
    bench.probes[0].exit_code = -11
    assert bench.client.poll(1).reason == "the GPU probe ended with exit code -11"


def test_a_line_that_is_no_reading_is_a_failure_like_any_other(bench):
    bench.client.poll(0)
    bench.probes[0].waiting = [b"Segmentation fault"]
    assert "no reading" in bench.client.poll(1).reason


def test_failures_in_a_row_wait_longer_up_to_a_minute(bench):
    now, waits = 0.0, []
    for _ in range(9):
        bench.client.poll(now)
        bench.probes[-1].exit_code = 1
        bench.client.poll(now)
        failed_at, started = now, len(bench.probes)
        while len(bench.probes) == started:
            now += 0.5
            bench.client.poll(now)
        waits.append(now - failed_at)
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_trouble_is_logged_once_and_its_end_once(bench, logged):
    bench.client.poll(0)
    bench.hear(Snapshot(error="no driver; install it"), 1)
    bench.client.poll(10)
    bench.hear(Snapshot(error="no driver; install it"), 11)
    bench.client.poll(100)
    bench.hear(GOOD, 101)
    bench.hear(GOOD, 102)
    assert logged == [
        "GPU telemetry is unknown: no driver; install it",
        "GPU telemetry is back",
    ]


def test_closing_ends_the_probe_and_one_that_is_still_dying(bench):
    bench.client.poll(0)
    bench.probes[0].dies_when_killed = False
    bench.client.poll(FIRST_LINE_S)
    bench.client.close()
    assert bench.probes[0].closed


def test_a_probe_that_cannot_be_started_is_tried_again_after_the_backoff(bench):
    bench.no_room = True
    assert "Too many open files" in bench.client.poll(0).reason
    bench.no_room = False
    assert bench.client.poll(0.5) is None
    assert not bench.probes
    bench.client.poll(1)
    assert len(bench.probes) == 1


# A device that is not there


LOST = Snapshot(readings={"GPU-1": Reading(1.0, lost=True)})


def hear_for(bench, snapshot, until):
    """A line a second from the newest probe; how often the telemetry was unknown."""
    unknown = 0
    for now in range(1, until + 1):
        telemetry = bench.hear(snapshot, now)
        unknown += telemetry is not None and telemetry.snapshot is None
    return unknown


@pytest.mark.parametrize("snapshot", [LOST, Snapshot(), Snapshot(incomplete=True)])
def test_while_a_device_is_not_there_the_probe_is_renewed_about_once_a_minute(snapshot, logged):
    bench = Bench("GPU-1")
    bench.client.poll(0)
    assert hear_for(bench, snapshot, until=305) == 0
    assert len(bench.probes) == 1 + 305 // (RENEW_S + 1)
    assert all(probe.killed for probe in bench.probes[:-1])
    assert logged == []


@pytest.mark.parametrize("incomplete", [False, True])
def test_a_probe_that_sees_every_wanted_device_is_not_renewed(incomplete):
    bench = Bench("GPU-1")
    bench.client.poll(0)
    hear_for(bench, dataclasses.replace(GOOD, incomplete=incomplete), until=1000)
    assert len(bench.probes) == 1


def test_a_device_that_nobody_uses_is_not_waited_for():
    bench = Bench("GPU-1")
    bench.client.poll(0)
    other = {"GPU-2": Reading(1.0, lost=True)}
    hear_for(bench, Snapshot(readings={**GOOD.readings, **other}), until=1000)
    assert len(bench.probes) == 1


def test_a_probe_that_cannot_be_renewed_since_it_hangs_leaves_nothing_known():
    bench = Bench("GPU-1")
    bench.client.poll(0)
    bench.hear(LOST, 1)
    bench.probes[0].dies_when_killed = False
    assert bench.hear(LOST, RENEW_S).snapshot == LOST
    assert bench.client.poll(RENEW_S + LINE_S - 0.1) is None
    assert bench.client.poll(RENEW_S + LINE_S).reason == HUNG
    bench.probes[0].exit_code = -9
    bench.client.poll(RENEW_S + LINE_S + 1)
    assert bench.hear(GOOD, RENEW_S + LINE_S + 2).snapshot == GOOD
