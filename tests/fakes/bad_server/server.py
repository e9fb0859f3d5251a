"""The fake Worker API with its storage, as tests hold it: start it, fill it, break it, read it."""

import dataclasses
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tests.fakes.bad_server.bugs import Bugs, StorageSettings
from tests.fakes.bad_server.faults import Fault, FaultDesk, FaultPlan
from tests.fakes.bad_server.items import Item, Items
from tests.fakes.bad_server.journal import Effect, Entry, Journal
from tests.fakes.bad_server.listener import Listener, Site
from tests.fakes.bad_server.storage import PHOTOS, VIDEOS, Storage, StoredObject
from tests.fakes.bad_server.worker_api import World
from tests.fakes.canary import CANARY

KEY = f"fake-worker-key-{CANARY}"


@dataclass(frozen=True)
class Setup:
    """How a server starts. `between` stands in the race's window instead of the short sleep."""

    key: str = KEY
    bugs: Bugs = field(default_factory=Bugs)
    settings: StorageSettings = field(default_factory=StorageSettings)
    plan: FaultPlan = field(default_factory=FaultPlan)
    port: int = 0
    log: Path | None = None
    videos: Path | None = None
    between: Callable[[float], None] = time.sleep


@dataclass(frozen=True)
class NewTask:
    """The parts of a task that few tests care about. `prompt` and `frame_num` may be hostile."""

    item_id: str = ""
    group_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    frame_num: object = None
    provider: str | None = None
    worker_type: str = "wan"
    extension: str = "jpg"


class BadServer:
    """Listens from its construction on; `close` (or leaving the `with` block) ends it.

    Every method may be called from any thread of the test, at any time.
    """

    def __init__(self, setup: Setup | None = None) -> None:
        setup = setup or Setup()
        storage = Storage(time.monotonic, setup.videos)
        keys = frozenset({setup.key})
        items = Items(setup.between)
        world = World(items, storage, setup.bugs, setup.settings, keys)
        self._site = Site(world, Journal(setup.log), FaultDesk(setup.plan))
        self._key = setup.key
        self._listener: Listener | None = Listener(self._site, setup.port)
        self._port = self._listener.server_port

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening, cut every connection; raise if the fake itself broke meanwhile."""
        self._site.stopping.set()
        self.go_down()
        self._site.journal.close()
        if self._site.crashes:
            raise RuntimeError("the fake server broke") from self._site.crashes[0]

    @property
    def url(self) -> str:
        """The origin, without `/api` and without a slash at its end."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def port(self) -> int:
        """The port, the same each time that the server comes up."""
        return self._port

    @property
    def key(self) -> str:
        """The worker key that it was set up with."""
        return self._key

    # Filling it

    def add_task(self, photo: bytes, prompt: object, task: NewTask | None = None) -> str:
        """Store a photo and append a pending item; its id."""
        task = task or NewTask()
        item_id, photo_id = task.item_id or str(uuid.uuid4()), str(uuid.uuid4())
        path = f"{task.group_id}/{photo_id}_original.{task.extension}"
        self._site.world.storage.put(PHOTOS, path, photo, f"image/{task.extension}")
        item = Item(
            item_id=item_id,
            group_id=task.group_id,
            photo_id=photo_id,
            photo_path=path,
            prompt=prompt,
            frame_num=task.frame_num,
            provider=task.provider,
            worker_type=task.worker_type,
        )
        self._site.world.items.add(item)
        self._note(Effect("added", time.monotonic(), item_id))
        return item_id

    def add_video(self, item_id: str, data: bytes) -> str:
        """Store a video at the item's path, as a worker that died before its report did."""
        path = f"{self._site.world.settings.video_folder}/{item_id}.mp4"
        stored = self._site.world.storage.put(VIDEOS, path, data, "video/mp4")
        now, size = time.monotonic(), len(data)
        self._note(Effect("stored", now, item_id, path=path, size_bytes=size, sha256=stored.sha256))
        return path

    # Breaking it

    def delete_photo(self, item_id: str) -> None:
        """Remove the photo's bytes from the storage."""
        self._site.world.storage.delete(PHOTOS, self.item(item_id).photo_path)

    def delete_photo_row(self, item_id: str) -> None:
        """Remove the photo's row from the database (bug 7)."""
        self._site.world.items.update(item_id, has_photo_row=False)

    def delete_video(self, item_id: str) -> None:
        """Remove the item's video from the storage."""
        path = f"{self._site.world.settings.video_folder}/{item_id}.mp4"
        self._site.world.storage.delete(VIDEOS, path)
        self._note(Effect("deleted", time.monotonic(), item_id, path=path))

    def take_away(self, item_id: str, by: str = "somebody-else", lease_s: float = 600.0) -> None:
        """Hand an item to another worker, whoever holds it."""
        before, now = self.item(item_id), time.monotonic()
        end = now + lease_s
        self._site.world.items.update(item_id, status="processing", worker_id=by, lease_end_s=end)
        self._note(Effect("taken", now, item_id, by, before.worker_id, before.status, end))

    def expire_urls(self) -> None:
        """End the life of every signed URL now."""
        self._site.world.storage.expire_tokens()

    def set_keys(self, *keys: str) -> None:
        """Accept these keys from now on, and no others."""
        self._site.world.keys = frozenset(keys)

    def set_bugs(self, bugs: Bugs) -> None:
        """Switch bugs."""
        self._site.world.bugs = bugs

    def set_settings(self, settings: StorageSettings) -> None:
        """Change the storage's settings."""
        self._site.world.settings = settings

    def set_storage_origin(self, origin: str | None) -> None:
        """Sign URLs under another origin, a proxy's for instance; None: the request's own."""
        self._site.storage_origin = origin

    def set_plan(self, plan: FaultPlan) -> None:
        """Replace the plan of faults and start counting anew."""
        self._site.desk.replace(plan)

    def set_faults(self, *faults: Fault) -> None:
        """Replace the plan by these faults."""
        self.set_plan(FaultPlan(faults))

    def go_down(self) -> None:
        """Refuse connections and cut those that are open, until `come_up`."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def come_up(self) -> None:
        """Listen again, on the same port."""
        if self._listener is None:
            self._listener = Listener(self._site, self._port)

    # Reading it

    def items(self) -> list[Item]:
        """Every row, oldest first."""
        return self._site.world.items.all()

    def item(self, item_id: str) -> Item:
        """One row. KeyError: there is none."""
        found = self._site.world.items.get(item_id)
        if found is None:
            raise KeyError(item_id)
        return found

    def objects(self) -> dict[str, StoredObject]:
        """The stored videos, by their path in the bucket."""
        return self._site.world.storage.bucket(VIDEOS)

    def entries(self, endpoint: str | None = None) -> list[Entry]:
        """The log so far, of one endpoint or of all, in the order of arrival."""
        found = self._site.journal.entries()
        return [entry for entry in found if endpoint in (None, entry.endpoint)]

    def secrets(self) -> list[str]:
        """Every key and token that may appear nowhere."""
        return [self._key, *self._site.secrets()]

    def wait_for(
        self, condition: Callable[[Iterable[Entry]], bool], timeout_s: float = 10.0
    ) -> bool:
        """Wait until the log meets a condition; False when it did not in time."""
        return self._site.journal.wait_for(condition, timeout_s)

    def _note(self, effect: Effect) -> None:
        seq, now = self._site.journal.number(), effect.at_s
        entry = Entry(seq, 0, "admin", now, now, None, delivered=True, item_id=effect.item_id)
        self._site.journal.add(dataclasses.replace(entry, effect=effect))
