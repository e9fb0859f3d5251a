"""The four calls of the Worker API, copied from the deployed server bug for bug.

Values in, an `Outcome` out; which bugs are on is read anew with every call. Runs on the server's
request threads.
"""

import datetime as dt
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from tests.fakes.bad_server.bugs import Bugs, StorageSettings
from tests.fakes.bad_server.items import Item, Items, Taken
from tests.fakes.bad_server.journal import Effect
from tests.fakes.bad_server.replies import Outcome, error, ok
from tests.fakes.bad_server.storage import PHOTOS, VIDEOS, Storage

Body = Mapping[str, object]


@dataclass
class World:
    """Everything that the calls share. The mutable fields are replaced whole, by the admin side."""

    items: Items
    storage: Storage
    bugs: Bugs
    settings: StorageSettings
    keys: frozenset[str]
    clock: Callable[[], float] = field(default=time.monotonic)

    def is_processing_for(self, item: Item | None, worker_id: str) -> bool:
        """The deployed server's fence: the row's worker and its status, not the clock (bug 2)."""
        if item is None or item.worker_id != worker_id or item.status != "processing":
            return False
        ends = item.lease_end_s
        return self.bugs.ignores_expiry or (ends is not None and ends >= self.clock())

    def wall(self, monotonic_s: float) -> str:
        """A monotonic instant as the wire writes it, on the server's own wall clock."""
        wall_s = time.time() + monotonic_s - self.clock() + self.settings.wall_clock_offset_s
        return dt.datetime.fromtimestamp(wall_s, dt.UTC).isoformat()


def next_task(world: World, body: Body) -> Outcome:
    """Lease the oldest candidate to the caller, or answer null."""
    worker_id, lease_s = body.get("worker_id"), body.get("lease_duration_seconds", 600)
    if not isinstance(worker_id, str) or not worker_id or not isinstance(lease_s, int | float):
        return Outcome(error(400, "worker_id is required"))
    if not world.bugs.expiry_is_free:
        world.items.charge_expired(world.clock())
    kind = str(body.get("worker_type", "wan"))
    taken = world.items.take(world.bugs, worker_id, kind, world.clock, float(lease_s))
    if taken is None:
        return Outcome(ok(None))
    effect = _leased(world, taken)
    if not taken.after.has_photo_row:
        # Bug 7: the row is leased by now, and stays so.
        return Outcome(error(500, "Failed to load the photo"), effect)
    return Outcome(ok(_task(world, taken.after)), effect)


def _leased(world: World, taken: Taken) -> Effect:
    return Effect(
        "leased",
        world.clock(),
        item_id=taken.after.item_id,
        worker_id=taken.after.worker_id,
        previous_worker=taken.before.worker_id,
        previous_status=taken.before.status,
        lease_end_s=taken.after.lease_end_s,
        previous_lease_end_s=taken.before.lease_end_s,
    )


def _task(world: World, item: Item) -> dict[str, object]:
    task: dict[str, object] = {
        "item_id": item.item_id,
        "group_id": item.group_id,
        "photo_id": item.photo_id,
        "prompt": item.prompt,
        "photo_storage_path": item.photo_path,
        "leased_until": world.wall(item.lease_end_s or 0.0),
    }
    if world.bugs.sends_frame_num:
        task["frame_num"] = item.frame_num
    if world.bugs.sends_inference_provider:
        task["inference_provider"] = item.provider
    return task


def heartbeat(world: World, body: Body) -> Outcome:
    """Set the lease's end to now plus `extend_seconds`, shorter or longer (bug 3)."""
    item_id, worker_id = body.get("item_id"), body.get("worker_id")
    extend_s = body.get("extend_seconds", 300)
    if not isinstance(item_id, str) or not isinstance(worker_id, str):
        return Outcome(error(400, "item_id and worker_id are required"))
    if not isinstance(extend_s, int | float) or extend_s <= 0:
        return Outcome(error(400, "extend_seconds must be a positive number"))
    item = world.items.get(item_id)
    if item is None or not world.is_processing_for(item, worker_id):
        return Outcome(error(404, "Task not found or not assigned to this worker"))
    now, before = world.clock(), item.lease_end_s or 0.0
    shortens = world.bugs.heartbeat_can_shorten
    end = now + extend_s if shortens else max(before, now + extend_s)
    world.items.update(item_id, lease_end_s=end)
    effect = Effect(
        "renewed", now, item_id, worker_id, lease_end_s=end, previous_lease_end_s=before
    )
    data = {"leased_until": world.wall(end)}
    return Outcome(ok(data, with_data=world.bugs.heartbeat_has_data), effect)


def report(world: World, body: Body) -> Outcome:
    """Write a final state; the row's status is not looked at (bug 5)."""
    item_id, worker_id, status = (body.get(k) for k in ("item_id", "worker_id", "status"))
    if not isinstance(item_id, str) or not isinstance(worker_id, str):
        return Outcome(error(400, "item_id and worker_id are required"))
    if status not in ("completed", "failed"):
        return Outcome(error(400, "status must be completed or failed"))
    item = world.items.get(item_id)
    if item is None:
        return Outcome(error(404, "Task not found"))
    if item.worker_id != worker_id:
        return Outcome(error(403, "Task is assigned to another worker"))
    if not world.bugs.report_ignores_status and not world.is_processing_for(item, worker_id):
        return Outcome(error(404, "Task is not in processing"))
    return _complete(world, item, body) if status == "completed" else _fail(world, item, body)


def _complete(world: World, item: Item, body: Body) -> Outcome:
    path = body.get("video_storage_path")
    if not isinstance(path, str) or not path:
        return Outcome(error(400, "video_storage_path is required"))
    if world.bugs.completed_signs_object and world.storage.get(VIDEOS, path) is None:
        return Outcome(error(500, "Failed to sign the video's URL"))
    world.items.update(item.item_id, status="completed", video_path=path, lease_end_s=None)
    return _reported(world, item, "completed", path)


def _fail(world: World, item: Item, body: Body) -> Outcome:
    message = str(body.get("error_message", ""))
    retries = item.retry_count + 1
    world.items.update(
        item.item_id,
        status="failed",
        retry_count=retries,
        error_message=message,
        lease_end_s=None,
    )
    return _reported(world, item, "failed", "")


def _reported(world: World, before: Item, kind: str, path: str) -> Outcome:
    effect = Effect(
        kind,
        world.clock(),
        item_id=before.item_id,
        worker_id=before.worker_id,
        previous_status=before.status,
        path=path,
    )
    return Outcome(ok({"message": f"Task {kind}", "item_id": before.item_id}), effect)


@dataclass(frozen=True)
class Signer:
    """Signs URLs under `origin`, in the name of the presign request `seq`."""

    origin: str
    seq: int

    def download(self, world: World, body: Body) -> Outcome:
        """Sign a GET of a photo; the storage refuses to sign what is not there, hence the 500."""
        path = body.get("storage_path")
        if not isinstance(path, str) or not path:
            return Outcome(error(400, "storage_path is required"))
        if world.storage.get(PHOTOS, path) is None:
            return Outcome(error(500, "Failed to create a signed URL"))
        life_s = world.settings.download_token_life_s
        token = world.storage.sign("GET", PHOTOS, path, life_s, self.seq)
        url = f"{self.origin}/storage/v1/object/sign/{PHOTOS}/{quote(path)}?token={token}"
        data = {"url": url, "expires_in": int(life_s)}
        return Outcome(ok(data), Effect("signed", world.clock(), path=path))

    def upload(self, world: World, body: Body) -> Outcome:
        """Sign a PUT to the item's one path, unless an object is there (bug 8)."""
        item_id, extension = body.get("video_item_id"), body.get("file_extension", "mp4")
        if not isinstance(item_id, str) or not item_id:
            return Outcome(error(400, "video_item_id is required"))
        path = f"{world.settings.video_folder}/{item_id}.{extension}"
        if world.bugs.upload_never_overwrites and world.storage.get(VIDEOS, path):
            return Outcome(error(500, "Failed to create a signed upload URL"))
        settings = world.settings
        fiction = world.bugs.upload_expiry_is_fiction
        life_s = settings.upload_token_life_s if fiction else float(settings.upload_expires_in_s)
        token = world.storage.sign("PUT", VIDEOS, path, life_s, self.seq)
        url = f"{self.origin}/storage/v1/object/upload/sign/{VIDEOS}/{quote(path)}?token={token}"
        data = {"url": url, "expires_in": settings.upload_expires_in_s, "storage_path": path}
        return Outcome(ok(data), Effect("signed", world.clock(), item_id=item_id, path=path))
