"""The supervisor's end of the probe: it starts it, reads it, and replaces it when it hangs.

Nothing that NVML does or fails to do ever stops a child: without a probe the telemetry is unknown,
which is said once, with the remedy. A device over which NVML hangs is left alone by the next probe,
so that the others are not unknown for its sake, and is tried again ever less often.
"""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Protocol, Self

from loguru import logger

from client.backoff import backoff_s
from pool.gpu.probe_process import ProbeProcess
from pool.gpu.readings import Snapshot, asked_in, from_line

FIRST_LINE_S = 30.0
"""A driver without persistence mode wakes every card before NVML answers for the first time."""

LINE_S = 5.0

RENEW_S = 60.0
"""How old a probe gets while a device is not there: it knows only those that it began with."""

_LEFT_ALONE_CAP_S = 3600.0

HUNG = "NVML gives no answer; run nvidia-smi, and restart the machine if that hangs too"


class Probe(Protocol):
    """A running probe: `pool.gpu.probe_process.ProbeProcess`, or a test's own."""

    def lines(self) -> list[bytes]:
        """The complete lines that came since the last call."""

    @property
    def exit_code(self) -> int | None:
        """How it ended; None while it lives."""

    @property
    def pid(self) -> int:
        """The process's id."""

    def kill(self) -> None:
        """Have it killed, without waiting; nothing can be read afterwards."""

    def close(self) -> None:
        """Kill it, and wait a moment until it is gone."""


@dataclass(frozen=True)
class Telemetry:
    """The newest snapshot; or None, and the reason why nothing is known."""

    snapshot: Snapshot | None
    reason: str | None = None


@dataclass(frozen=True)
class _Hang:
    """NVML hung over a device for the `times`-th time; it is left alone `until` then at least."""

    times: int
    until: float
    probe: Probe


class ProbeClient:
    """Readings of all devices, about once a second, for as long as NVML answers.

    Owned by the supervisor's loop and called from its thread only. `start` makes a probe that
    leaves the devices that it is given alone. While one of the devices in `wanted`, UUIDs, is not
    there, the probe is renewed now and then.
    """

    def __init__(
        self, start: Callable[[Collection[str]], Probe], wanted: Collection[str] = ()
    ) -> None:
        self._start = start
        self._wanted = wanted
        self._probe: Probe | None = None
        self._dying: Probe | None = None
        self._start_at = 0.0
        self._due_at = 0.0
        self._renew_at = 0.0
        self._failures = 0
        self._answered = False
        self._asked: str | None = None
        self._hangs: dict[str, _Hang] = {}

    @classmethod
    def on_this_host(cls, environ: Mapping[str, str], wanted: Collection[str]) -> Self:
        """A client whose probes are processes with the environment `environ`."""
        return cls(partial(_started, environ), wanted)

    def poll(self, now: float) -> Telemetry | None:
        """What is new at the monotonic time `now`, in seconds; None if nothing is. Never blocks."""
        if self._probe is None:
            return self._begin(now)
        # Lines come before the clock: they prove that the probe went on while this process itself
        # was stopped.
        exit_code = self._probe.exit_code
        news = self._newest(self._probe.lines(), now)
        if news is not None:
            return self._take(news, now)
        if exit_code is not None:
            return self._fail(f"the GPU probe ended with exit code {exit_code}", now)
        return self._hung(now) if now >= self._due_at else None

    @property
    def pids(self) -> Collection[int]:
        """The processes that this client waits for."""
        probes = [self._probe, self._dying, *(hang.probe for hang in self._hangs.values())]
        return {probe.pid for probe in probes if probe is not None}

    def close(self) -> None:
        """End the probe, and wait a moment until it is gone."""
        for probe in (self._probe, self._dying):
            if probe is not None:
                probe.close()
        self._probe = self._dying = None

    def _begin(self, now: float) -> Telemetry | None:
        """Start a probe when its time has come and the one before is gone.

        A process that hangs inside the driver outlives SIGKILL; a second one would join it there,
        unless it is known over which device, and leaves that one alone.
        """
        if now < self._start_at:
            return None
        known = any(hang.probe is self._dying for hang in self._hangs.values())
        if self._dying is not None and self._dying.exit_code is None and not known:
            told = self._failures > 0 or now < self._due_at
            return None if told else self._fail(HUNG, now)
        self._dying = None
        try:
            self._probe = self._start(self._left_alone(now))
        except OSError as error:
            # No memory, no file descriptor: this may pass.
            return self._fail(f"the GPU probe could not be started: {error.strerror}", now)
        self._due_at = now + FIRST_LINE_S
        self._answered, self._asked = False, None
        self._renew_at = now + RENEW_S
        return None

    def _left_alone(self, now: float) -> Collection[str]:
        """The devices that the next probe must not ask: it would hang, too."""
        return [
            uuid
            for uuid, hang in self._hangs.items()
            if now < hang.until or hang.probe.exit_code is None
        ]

    def _newest(self, lines: list[bytes], now: float) -> bytes | None:
        """The newest line that is no announcement. Later lines may each take their time."""
        news = None
        for line in lines:
            asked = asked_in(line)
            news = line if asked is None else news
            self._asked = asked or None
        if lines and self._answered:
            self._due_at = now + LINE_S
        return news

    def _hung(self, now: float) -> Telemetry:
        """The probe has fallen silent: over a device, or over NVML as a whole."""
        if self._asked is None or self._probe is None:
            self._hangs.clear()
        else:
            before = self._hangs.get(self._asked)
            times = 1 if before is None else before.times + 1
            wait_s = backoff_s(times, base_s=RENEW_S, cap_s=_LEFT_ALONE_CAP_S, jitter=0)
            self._hangs[self._asked] = _Hang(times, now + wait_s, self._probe)
            logger.warning("NVML hangs over {}; it is left alone for a while", self._asked)
        return self._fail(HUNG, now)

    def _take(self, line: bytes, now: float) -> Telemetry:
        try:
            snapshot = from_line(line)
        except ValueError:
            return self._fail("the GPU probe wrote a line that is no reading", now)
        if snapshot.error is not None:
            return self._fail(snapshot.error, now)
        if self._failures:
            logger.info("GPU telemetry is back")
        self._failures, self._answered = 0, True
        self._due_at = now + LINE_S
        self._hangs = {u: hang for u, hang in self._hangs.items() if u not in snapshot.readings}
        if now >= self._renew_at and self._misses_one(snapshot, now):
            self._let_go()
        return Telemetry(snapshot)

    def _misses_one(self, snapshot: Snapshot, now: float) -> bool:
        """Whether a new probe may find a device that this one does not see."""
        sought = set(self._wanted) - set(self._left_alone(now))
        readings = (snapshot.readings.get(uuid) for uuid in sought)
        return any(reading is None or reading.lost for reading in readings)

    def _fail(self, reason: str, now: float) -> Telemetry:
        if self._failures == 0:
            logger.warning("GPU telemetry is unknown: {}", reason)
        self._failures += 1
        self._start_at = now + backoff_s(self._failures, jitter=0)
        self._let_go()
        return Telemetry(None, reason)

    def _let_go(self) -> None:
        if self._probe is not None:
            self._probe.kill()
            self._probe, self._dying = None, self._probe


def _started(environ: Mapping[str, str], skipped: Collection[str]) -> Probe:
    return ProbeProcess(environ, *(("--skip", *skipped) if skipped else ()))


def list_devices(environ: Mapping[str, str], timeout_s: float) -> Snapshot:
    """The devices of this host, asked for once; blocks for up to `timeout_s`.

    Where NVML does not answer, the snapshot is empty and its `error` says why.
    """
    probe = ProbeProcess(environ, "--once")
    deadline = time.monotonic() + timeout_s
    try:
        while (left_s := deadline - time.monotonic()) > 0 and probe.wait_for_output(left_s):
            exit_code = probe.exit_code
            if lines := [line for line in probe.lines() if asked_in(line) is None]:
                return from_line(lines[0])
            if exit_code is not None:
                return Snapshot(error=f"the GPU probe ended with exit code {exit_code}")
        return Snapshot(error=HUNG)
    finally:
        probe.close()
