"""Writes logs as the fake server would have, so that a test can break one rule at a time."""

import dataclasses
from dataclasses import dataclass, field

from tests.checker import Event, Expectations
from tests.fakes.bad_server import Effect, Entry, Item, StoredObject

POOL = "pool"
WORKER = f"{POOL}-gpu0-aaaa"
OTHER = f"{POOL}-gpu1-bbbb"
ITEM = "item-1"
PATH = f"videos/{ITEM}.mp4"
LASTS_S = 0.005

EXPECT = Expectations(polling_interval_s=10.0, why_not_playable=lambda data: None)


@dataclass
class Forge:
    """Each method appends one request; `at` is when it reached the server."""

    log: list[Entry] = field(default_factory=list)
    lease_end_s: float = 0.0

    def add(self, endpoint: str, at: float, **fields) -> Entry:
        fields = {"status": 200, "delivered": True, "connection": 1, **fields}
        answered_s = fields.pop("answered_s", at + LASTS_S)
        entry = Entry(
            len(self.log) + 1, fields.pop("connection"), endpoint, at, answered_s, **fields
        )
        self.log.append(entry)
        return entry

    def lease(self, at=100.0, worker=WORKER, item=ITEM, lease_s=600, **fields) -> Entry:
        self.lease_end_s = at + lease_s
        effect = Effect("leased", at, item, worker, lease_end_s=self.lease_end_s)
        request = {"worker_id": worker, "lease_duration_seconds": lease_s}
        fields = {"effect": effect, "request": request, "worker_id": worker, **fields}
        return self.add("next-task", at, **fields)

    def idle_poll(self, at, worker=WORKER, **fields) -> Entry:
        return self.add("next-task", at, worker_id=worker, **fields)

    def heartbeat(self, at, extend_s=600, status=200, worker=WORKER, **fields) -> Entry:
        effect = None
        if status == 200:
            end_s, self.lease_end_s = self.lease_end_s, at + extend_s
            effect = Effect(
                "renewed",
                at,
                ITEM,
                worker,
                lease_end_s=self.lease_end_s,
                previous_lease_end_s=end_s,
            )
        who = {"worker_id": worker, "item_id": ITEM}
        request = {**who, "extend_seconds": extend_s}
        return self.add(
            "heartbeat", at, status=status, effect=effect, request=request, **who, **fields
        )

    def sign(self, at, **fields) -> Entry:
        return self.add("presign-upload", at, **{"item_id": ITEM, **fields})

    def put(self, at, signed_by, status=200, **fields) -> Entry:
        effect = Effect("stored", at, ITEM, path=PATH) if status == 200 else None
        fields = {"item_id": ITEM, "status": status, "effect": effect, "connection": 9, **fields}
        return self.add("upload", at, signed_by=signed_by.seq, **fields)

    def report(self, at, status="completed", answer=200, worker=WORKER, **more) -> Entry:
        said = {"status": status, "video_storage_path": more.pop("path", PATH)}
        said["error_message"] = more.pop("why", "")
        effect = None
        if answer == 200:
            before = more.pop("previous_status", "processing")
            effect = Effect(status, at, ITEM, worker, previous_status=before)
        who = {"worker_id": worker, "item_id": ITEM}
        return self.add("report", at, status=answer, effect=effect, request=said, **who, **more)

    def clean_run(self) -> "Forge":
        """One item from its lease to its report, every rule kept."""
        self.idle_poll(89.0)
        self.lease(100.0)
        self.sign(100.5)
        self.heartbeat(101.2)
        self.heartbeat(220.0)
        signed = self.sign(300.0)
        self.put(300.1, signed)
        self.report(300.5)
        return self

    def without(self, *endpoints: str) -> "Forge":
        self.log = [entry for entry in self.log if entry.endpoint not in endpoints]
        return self

    def change(self, entry: Entry, **fields) -> None:
        place = self.log.index(entry)
        self.log[place] = dataclasses.replace(entry, **fields)


@dataclass
class Shop:
    """A store as it is in the end."""

    rows: list[Item]
    videos: dict[str, StoredObject]

    def items(self):
        return self.rows

    def objects(self):
        return self.videos


def item(status="completed", item_id=ITEM, **fields) -> Item:
    path = PATH if status == "completed" else ""
    return Item(
        item_id, "g", "p", "g/p_original.jpg", "wave", status=status, video_path=path, **fields
    )


def shop(*rows: Item, videos=(PATH,)) -> Shop:
    stored = {path: StoredObject(b"video", "video/mp4", "00") for path in videos}
    return Shop(list(rows or (item(),)), stored)


def event(kind: str, t: float, worker=WORKER, item_id=ITEM) -> Event:
    return Event(t=t, pid=1, slot="gpu0", worker_id=worker, item_id=item_id, event=kind)


CLEAN_EVENTS = [
    event("leased", 100.01),
    event("confirmed", 101.3),
    event("infer_started", 101.4),
    event("infer_ended", 299.0),
    event("stored", 300.2),
    event("completed", 300.6),
]


def rules(violations) -> list[str]:
    return sorted({violation.rule for violation in violations})
