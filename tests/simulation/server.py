"""The deployed server and its storage: the fake server's own code under the world's clock."""

import json
from bisect import bisect_left, insort
from collections.abc import Callable

from client import wire
from tests.fakes.bad_server import worker_api
from tests.fakes.bad_server.bugs import Bugs, StorageSettings
from tests.fakes.bad_server.items import Item, Items
from tests.fakes.bad_server.items import _may_be_leased as may_be_leased
from tests.fakes.bad_server.replies import Outcome, storage_error
from tests.fakes.bad_server.storage import PHOTOS, VIDEOS, Grant, Storage
from tests.simulation.history import History
from tests.simulation.world import World

ORIGIN = "https://api.example"
_FINAL = ("completed", "failed")
_LOGGED = ("leased", "renewed", "completed", "failed", "stored")
_RACE_SIGMA = 0.6


class OpenItems(Items):
    """The fake server's table, with an index of the rows that are not final.

    The statements are the fake's own; only the scan for the oldest candidate is spared the rows
    that cannot be one, since ten thousand of them are looked through ten thousand times.
    """

    def __init__(self, between: Callable[[float], None]) -> None:
        super().__init__(between)
        self._order: dict[str, int] = {}
        self._ids: list[str] = []
        self._open: list[int] = []

    @property
    def open(self) -> list[str]:
        """The ids of the rows that are not final, oldest first."""
        return [self._ids[number] for number in self._open]

    def add(self, item: Item) -> None:
        """Append a row."""
        super().add(item)
        self._order[item.item_id] = len(self._ids)
        self._open.append(len(self._ids))
        self._ids.append(item.item_id)

    def select(self, bugs: Bugs, worker_type: str, now: float) -> Item | None:
        """The oldest row that may be leased."""
        for number in self._open:
            item = self._rows[self._ids[number]]
            if may_be_leased(item, bugs, worker_type, now):
                return item
        return None

    def update(self, item_id: str, **changes: object) -> Item:
        """Update by id alone; a row can become open again by it."""
        row = super().update(item_id, **changes)
        number = self._order[item_id]
        place = bisect_left(self._open, number)
        is_open = place < len(self._open) and self._open[place] == number
        if row.status in _FINAL and is_open:
            del self._open[place]
        elif row.status not in _FINAL and not is_open:
            insort(self._open, number)
        return row


class Server:
    """Runs inside the request's own fiber. `long_races_s` are the next windows of bug 1."""

    def __init__(self, world: World, history: History, bugs: Bugs, race_median_s: float) -> None:
        self.items = OpenItems(self._race)
        self.storage = Storage(lambda: world.now)
        self.long_races_s: list[float] = []
        self.leased: list[Callable[[], None]] = []
        self._world = world
        self._history = history
        self._race_median_s = race_median_s
        self._api = worker_api.World(
            self.items, self.storage, bugs, StorageSettings(), frozenset(), lambda: world.now
        )

    def add(self, item_id: str, prompt: str, frame_num: object) -> None:
        """A photo and its pending item."""
        path = f"group/{item_id}_original.jpg"
        self.storage.put(PHOTOS, path, b"a photo", "image/jpeg")
        self.items.add(Item(item_id, "group", item_id, path, prompt, frame_num))
        self._history.add(self._world.now, "added", "", item_id, "", prompt)

    def answer(self, ask: wire.WireRequest) -> Outcome:
        """One call of the Worker API."""
        body = json.loads(wire.encoded(ask))
        match ask:
            case wire.NextTask():
                outcome = worker_api.next_task(self._api, body)
            case wire.Heartbeat():
                outcome = worker_api.heartbeat(self._api, body)
            case wire.ReportCompleted() | wire.ReportFailed():
                outcome = worker_api.report(self._api, body)
            case wire.PresignDownload():
                outcome = worker_api.Signer(ORIGIN, 0).download(self._api, body)
            case wire.PresignUpload():
                outcome = worker_api.Signer(ORIGIN, 0).upload(self._api, body)
        self._note(outcome)
        return outcome

    def read(self, url: str) -> Outcome:
        """A GET of the storage."""
        grant = self._grant(url)
        refusal = self.storage.refusal(grant, "GET", PHOTOS, grant.path if grant else "")
        if refusal is not None or grant is None:
            return Outcome(storage_error(refusal or "InvalidSignature", "masked"))
        return self.storage.serve(grant, self._api.settings)

    def write(self, url: str, body: bytes) -> Outcome:
        """A PUT of the storage whose whole body has arrived."""
        grant = self._grant(url)
        refusal = self.storage.refusal(grant, "PUT", VIDEOS, grant.path if grant else "")
        if refusal is None and grant is not None:
            limit = self._api.settings.max_object_bytes
            bugs = self._api.bugs
            refusal = self.storage.refuse_upload(grant, "video/mp4", len(body), bugs, limit)
        if refusal is not None or grant is None:
            return Outcome(storage_error(refusal or "InvalidSignature", "masked"))
        outcome = self.storage.accept(grant, body, self._api.bugs, self._api.settings)
        self._note(outcome)
        return outcome

    def take_away(self, item_id: str, lease_s: float) -> None:
        """Hand an item to somebody else, who does nothing with it."""
        end = self._world.now + lease_s
        self.items.update(item_id, status="processing", worker_id="stranger", lease_end_s=end)
        self._history.add(self._world.now, "applied", "stranger", item_id, "leased")

    def lose_photo_row(self, item_id: str, for_s: float) -> None:
        """Bug 7, for a while."""
        self.items.update(item_id, has_photo_row=False)
        back_at = self._world.now + for_s
        self._world.at(back_at, None, lambda: self._photo_row_is_back(item_id))

    def _photo_row_is_back(self, item_id: str) -> None:
        self.items.update(item_id, has_photo_row=True)

    def _grant(self, url: str) -> Grant | None:
        return self.storage.grant(url.partition("?token=")[2])

    def _race(self, _window_s: float) -> None:
        """Between the select and the update of a next-task."""
        if self.long_races_s:
            self._world.sleep(self.long_races_s.pop())
        else:
            chance = self._world.random
            self._world.sleep(self._race_median_s * chance.lognormvariate(0.0, _RACE_SIGMA))

    def _note(self, outcome: Outcome) -> None:
        effect = outcome.effect
        if effect is None or effect.kind not in _LOGGED:
            return
        left_s = (effect.previous_lease_end_s or 0.0) - effect.at_s
        granted_s = (effect.lease_end_s or 0.0) - effect.at_s
        before = f"{effect.previous_status}/{effect.previous_worker}"
        if effect.kind == "renewed":
            before = f"by {granted_s:.1f} s"
        self._history.add(
            effect.at_s,
            "applied",
            effect.worker_id,
            effect.item_id,
            effect.kind,
            before,
            granted_s - left_s if effect.kind == "renewed" else left_s,
        )
        if effect.kind == "leased":
            for listener in self.leased:
                listener()
