"""Pools that are started, ended and judged in one place, so that no run of a test goes unjudged."""

import dataclasses
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, Self

from tests.checker import (
    MARK,
    Event,
    Expectations,
    Violation,
    check,
    check_leftovers,
    find_secrets,
    find_shown_secrets,
    gather_leftovers,
    marked,
    read_events,
)
from tests.checker.model import CROWDED_S, Store
from tests.checker.purchases import leases_given, paid_too_often, read_purchases, sold_by
from tests.fakes.bad_server import Entry
from tests.fakes.running_pool import POLLING_INTERVAL_S, RunningPool
from tests.fakes.runway import FakeRunway

GONE_WITHIN_S = 5.0


class Witness(Store, Protocol):
    """What saw the run from the other side: a `BadServer`, or its remote."""

    def entries(self) -> Sequence[Entry]:
        """Every request, in order of arrival."""

    def secrets(self) -> Sequence[str]:
        """Every key and token that may appear nowhere."""


class JudgedPools:
    """The pools of one run against one server. Use it in a `with` block.

    At the block's end those that still run are ended, as a person in a hurry does it, and the run
    is judged: the lease rules by what `witness` saw and the children wrote down (without a witness
    they are left out), and the host by what is left on it. A broken rule is an AssertionError.

    A run is expected to complete every task and to leave nothing behind; whatever else is meant to
    happen is said with `expect`, by the names of `Expectations`.
    """

    def __init__(self, folder: Path, url: str, key: str, witness: Witness | None = None) -> None:
        self._folder = folder
        self._url = url
        self._key = key
        self._witness = witness
        self._expect = Expectations(may_fail=frozenset(), slack_s=CROWDED_S)
        self._runway: FakeRunway | None = None
        self._pools: list[RunningPool] = []
        self._intervals_s: list[float] = []
        self.mark = str(uuid.uuid4())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        broken = self.end()
        assert broken == [], "\n".join(map(str, broken))

    def expect(self, **changes: Any) -> None:
        """Say what the run is meant to do otherwise; the names are those of `Expectations`."""
        self._expect = dataclasses.replace(self._expect, **changes)

    def buy_from(self, runway: FakeRunway) -> None:
        """Name the Runway that the pools buy from: what it sold is held against their journals."""
        self._runway = runway

    def start(
        self,
        *flags: str,
        folder: Path | None = None,
        key: str | None = None,
        environ: Mapping[str, str] | None = None,
        **settings: Any,
    ) -> RunningPool:
        """Start a pool, in a folder of its own unless one is given."""
        folder = folder or self._folder / f"pool{len(self._pools)}"
        pool = RunningPool(
            folder,
            self._url,
            self._key if key is None else key,
            *flags,
            environ={**(environ or {}), MARK: self.mark},
            **{"event_log": True, **settings},
        )
        self._pools.append(pool)
        self._intervals_s.append(float(settings.get("polling_interval", POLLING_INTERVAL_S)))
        return pool

    def events(self) -> list[Event]:
        """What the children of every pool wrote down, by time."""
        found = [event for state in self._folders() for event in read_events(state / "events")]
        return sorted(found, key=lambda event: event.t)

    def end(self) -> list[Violation]:
        """End what still runs; every rule that the run broke."""
        shown = find_shown_secrets(self._secrets(), marked(self.mark))
        stuck = [pool.folder for pool in self._pools if not pool.end()]
        return [
            *(Violation("E3", f"the pool in {folder} had to be killed") for folder in stuck),
            *self._broken_by_leases(),
            *self._broken_by_purchases(),
            *self._left_on_the_host(),
            *shown,
            *find_secrets(self._secrets(), {pool.folder for pool in self._pools}),
        ]

    def _broken_by_leases(self) -> list[Violation]:
        if self._witness is None or not self._pools:
            return []
        expect = self._expect
        if expect.polling_interval_s is None:
            expect = dataclasses.replace(expect, polling_interval_s=min(self._intervals_s))
        return check(self._witness.entries(), self._witness, self.events(), expect)

    def _broken_by_purchases(self) -> list[Violation]:
        purchases = [each for state in self._folders() for each in read_purchases(state)]
        if self._runway is None or self._witness is None:
            return [Violation("P1", "a pool bought where nobody looks")] if purchases else []
        sold = sold_by(self._runway.tasks, self._witness.items())
        return list(paid_too_often(purchases, sold, leases_given(self._witness.entries())))

    def _left_on_the_host(self) -> list[Violation]:
        """Every violation of E3, once whatever was about to end had time to."""
        deadline = time.monotonic() + GONE_WITHIN_S
        while marked(self.mark) and time.monotonic() < deadline:
            time.sleep(0.02)
        folders = {pool.folder for pool in self._pools}
        return [
            violation
            for folder in folders
            for violation in check_leftovers(gather_leftovers(self.mark, folder), self._expect)
        ]

    def _secrets(self) -> list[str]:
        seen = self._witness.secrets() if self._witness is not None else ()
        paid = self._runway.secrets() if self._runway is not None else ()
        return [self._key, *seen, *paid]

    def _folders(self) -> set[Path]:
        return {pool.folder / "state" for pool in self._pools}
