"""Faults as data: what goes wrong, at which endpoint, for which calls.

A `FaultPlan` holds no state and decides nothing at random while it runs: whether the n-th matching
call is hit follows from the seed, so the same plan hits the same calls however threads interleave.
"""

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock

ENDPOINTS = (
    "next-task",
    "heartbeat",
    "presign-download",
    "presign-upload",
    "report",
    "download",
    "upload",
)


@dataclass(frozen=True)
class Canned:
    """An answer from the tin; the call has its effect only where `after_effect` says so."""

    status: int = 500
    body: bytes = b'{"success": false, "error": "Internal server error"}'
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    after_effect: bool = False


@dataclass(frozen=True)
class Reset:
    """The connection is reset, before the call had its effect or after it (the answer is lost)."""

    after_effect: bool = False


@dataclass(frozen=True)
class Delay:
    """A wait before the effect, or between the effect and the answer."""

    seconds: float
    after_effect: bool = False


@dataclass(frozen=True)
class Drip:
    """The true answer, so many bytes a second; the head too where `head_too` says so."""

    bytes_per_s: float = 1.0
    head_too: bool = False


@dataclass(frozen=True)
class CutAnswer:
    """The true answer with its full Content-Length, reset after so many bytes of its body."""

    after_bytes: int


@dataclass(frozen=True)
class CutUpload:
    """The request's body is read so far, then the connection is reset; nothing is stored."""

    after_bytes: int


@dataclass(frozen=True)
class DatabaseError:
    """The server's database fails: 404 for heartbeat and report (bug 4), else 500. No effect."""


@dataclass(frozen=True)
class Overlay:
    """The true answer with these fields of its `data` replaced: a hostile or newer server."""

    fields: Mapping[str, object]


@dataclass(frozen=True)
class StorageRefusal:
    """The storage answers with this error of its own, in the dialect that is set."""

    error: str


Kind = (
    Canned | Reset | Delay | Drip | CutAnswer | CutUpload | DatabaseError | Overlay | StorageRefusal
)


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong at `endpoint` ("*": all of them).

    It leaves the first `skip` matching calls alone, then hits each with `probability`, at most
    `times` times (None: for ever). `worker` limits it to ids that contain that text.
    """

    endpoint: str
    kind: Kind
    times: int | None = 1
    probability: float = 1.0
    skip: int = 0
    worker: str = ""

    def __post_init__(self) -> None:
        if self.endpoint != "*" and self.endpoint not in ENDPOINTS:
            raise ValueError(f"no endpoint {self.endpoint!r}; there are: {', '.join(ENDPOINTS)}")

    def matches(self, endpoint: str, worker_id: str) -> bool:
        """Whether a call is one that this fault counts."""
        return self.endpoint in ("*", endpoint) and self.worker in worker_id


@dataclass(frozen=True)
class FaultPlan:
    """Faults in order of precedence: the first that hits a call is the one that it gets."""

    faults: tuple[Fault, ...] = ()
    seed: int = 0

    def hits(self, index: int, nth: int) -> bool:
        """Whether fault `index` hits its `nth` matching call (from 0), `times` left aside."""
        fault = self.faults[index]
        if nth < fault.skip:
            return False
        # Random, not random(): a generator of its own for each call is what keeps the draw
        # independent of the order in which threads arrive.
        return random.Random(f"{self.seed}:{index}:{nth}").random() < fault.probability


@dataclass
class FaultDesk:
    """Counts calls against a plan and hands each call its fault. Thread-safe."""

    plan: FaultPlan = field(default_factory=FaultPlan)
    _seen: Counter[int] = field(default_factory=Counter)
    _hit: Counter[int] = field(default_factory=Counter)
    _lock: Lock = field(default_factory=Lock)

    def replace(self, plan: FaultPlan) -> None:
        """Start over with another plan."""
        with self._lock:
            self.plan = plan
            self._seen.clear()
            self._hit.clear()

    def pick(self, endpoint: str, worker_id: str = "") -> Kind | None:
        """The fault of this call, or None. Each matching fault up to the one that hits counts."""
        with self._lock:
            for index, fault in enumerate(self.plan.faults):
                if fault.matches(endpoint, worker_id) and self._takes(index, fault):
                    return fault.kind
        return None

    def _takes(self, index: int, fault: Fault) -> bool:
        nth = self._seen[index]
        self._seen[index] += 1
        spent = fault.times is not None and self._hit[index] >= fault.times
        if spent or not self.plan.hits(index, nth):
            return False
        self._hit[index] += 1
        return True


def rate_limited(retry_after_s: int) -> Canned:
    """429 with Retry-After in seconds."""
    return Canned(
        status=429,
        body=b'{"success": false, "error": "Too many requests"}',
        headers=(("Retry-After", str(retry_after_s)),),
    )


def html(status: int = 200) -> Canned:
    """A page where JSON, or a file, should be."""
    page = b"<!DOCTYPE html><html><body><h1>This deployment is paused</h1></body></html>"
    return Canned(status=status, body=page, content_type="text/html; charset=utf-8")


def empty(status: int = 200) -> Canned:
    """No body at all."""
    return Canned(status=status, body=b"")


def garbage(status: int = 200) -> Canned:
    """Bytes that are no JSON, under a JSON content type."""
    return Canned(status=status, body=b"\x00\xff{]garbage" * 7)


def refused_with_200(error: str = "Something went wrong") -> Canned:
    """`success: false` under a 200."""
    return Canned(status=200, body=f'{{"success": false, "error": "{error}"}}'.encode())


def wrong_types() -> Canned:
    """Good JSON in which every field is of another type."""
    return Canned(status=200, body=b'{"success": "yes", "data": [1, {"item_id": 7}], "error": 0}')


def huge(size_bytes: int = 10_000_000) -> Canned:
    """Good JSON, far larger than any honest answer."""
    return Canned(status=200, body=b'{"success":true,"data":"' + b"x" * size_bytes + b'"}')


def redirect(location: str, status: int = 307) -> Canned:
    """A redirect to another place."""
    return Canned(status=status, body=b"", headers=(("Location", location),))


HOSTILE: Mapping[str, Overlay] = {
    "item id climbs out of a folder": Overlay({"item_id": "../../../../tmp/escaped"}),
    "item id is no UUID": Overlay({"item_id": "not a uuid; rm -rf /"}),
    "item id is null": Overlay({"item_id": None}),
    "item id is a number": Overlay({"item_id": 7}),
    "photo path climbs out of its bucket": Overlay({"photo_storage_path": "../../secrets/key"}),
    "photo path is null": Overlay({"photo_storage_path": None}),
    "prompt is null": Overlay({"prompt": None}),
    "prompt is a megabyte": Overlay({"prompt": "a" * 1_000_000}),
    "prompt looks like a flag": Overlay({"prompt": "--help --output /etc/passwd"}),
    "frame_num is a billion": Overlay({"frame_num": 10**9}),
    "frame_num is negative": Overlay({"frame_num": -3}),
    "frame_num is text": Overlay({"frame_num": "121"}),
    "frame_num is a fraction": Overlay({"frame_num": 120.5}),
    "lease ended in the past": Overlay({"leased_until": "2001-01-01T00:00:00+00:00"}),
    "lease end is no date": Overlay({"leased_until": "soon"}),
    "provider is a list": Overlay({"inference_provider": ["wan_local"]}),
}
"""Hostile `next-task` answers, by what is wrong with them."""
