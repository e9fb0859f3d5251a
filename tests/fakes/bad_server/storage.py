"""Two buckets behind signed URLs: a token opens one path for one verb, for as long as it lives."""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock

from tests.fakes.bad_server.bugs import Bugs, StorageSettings
from tests.fakes.bad_server.journal import Effect
from tests.fakes.bad_server.replies import Outcome, Reply, storage_error
from tests.fakes.canary import CANARY

PHOTOS = "group-photos"
VIDEOS = "generated-videos"


@dataclass(frozen=True)
class StoredObject:
    """One object, whole."""

    data: bytes
    content_type: str
    sha256: str


@dataclass(frozen=True)
class Grant:
    """What a token opens. `signed_by` is the `seq` of the presign that made it."""

    bucket: str
    path: str
    verb: str
    ends_at_s: float
    signed_by: int


class Storage:
    """The buckets and the tokens. Thread-safe; `clock` is monotonic, in seconds.

    Where `folder` is given, videos are written there as well, under their path in the bucket.
    """

    def __init__(self, clock: Callable[[], float], folder: Path | None = None) -> None:
        self._clock = clock
        self._folder = folder
        self._objects: dict[tuple[str, str], StoredObject] = {}
        self._grants: dict[str, Grant] = {}
        self._lock = Lock()

    def put(self, bucket: str, path: str, data: bytes, content_type: str) -> StoredObject:
        """Store an object, whole, over whatever is there."""
        stored = StoredObject(data, content_type, hashlib.sha256(data).hexdigest())
        with self._lock:
            self._objects[bucket, path] = stored
            if self._folder is not None and bucket == VIDEOS:
                target = self._folder / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data)
        return stored

    def delete(self, bucket: str, path: str) -> None:
        """Remove an object; one that is not there is no error."""
        with self._lock:
            self._objects.pop((bucket, path), None)

    def get(self, bucket: str, path: str) -> StoredObject | None:
        """The object, or None."""
        with self._lock:
            return self._objects.get((bucket, path))

    def bucket(self, name: str) -> dict[str, StoredObject]:
        """A bucket's objects by path."""
        with self._lock:
            return {path: stored for (b, path), stored in self._objects.items() if b == name}

    def sign(self, verb: str, bucket: str, path: str, life_s: float, signed_by: int) -> str:
        """A new token that opens `path` for `verb` (GET or PUT) during `life_s`."""
        token = CANARY + secrets.token_urlsafe(32)
        with self._lock:
            ends = self._clock() + life_s
            self._grants[token] = Grant(bucket, path, verb, ends, signed_by)
        return token

    def grant(self, token: str) -> Grant | None:
        """What a token was made for, alive or not."""
        with self._lock:
            return self._grants.get(token)

    def tokens(self) -> list[str]:
        """Every token ever made: none of them may appear in a log."""
        with self._lock:
            return list(self._grants)

    def expire_tokens(self) -> None:
        """End every token's life now."""
        with self._lock:
            now = self._clock()
            self._grants = {t: replace(g, ends_at_s=now - 1) for t, g in self._grants.items()}

    def refusal(self, grant: Grant | None, verb: str, bucket: str, path: str) -> str | None:
        """The name of the error for which a token does not open a path, or None if it does."""
        if grant is None or (grant.verb, grant.bucket, grant.path) != (verb, bucket, path):
            return "InvalidSignature"
        return "InvalidJWT" if grant.ends_at_s < self._clock() else None

    def serve(self, grant: Grant, settings: StorageSettings) -> Outcome:
        """Answer a GET."""
        stored = self.get(grant.bucket, grant.path)
        if stored is None:
            return Outcome(storage_error("NotFound", settings.dialect))
        effect = Effect("served", self._clock(), path=grant.path, size_bytes=len(stored.data))
        return Outcome(Reply(200, stored.data, stored.content_type), effect)

    def refuse_upload(
        self, grant: Grant, content_type: str, length: int | None, bugs: Bugs, limit_bytes: int
    ) -> str | None:
        """The name of the error that is known before an upload's body counts, or None."""
        if length is None:
            return "MissingContentLength"
        if content_type.partition(";")[0].strip() != "video/mp4":
            return "InvalidMimeType"
        if length > limit_bytes:
            return "EntityTooLarge"
        exists = bugs.upload_never_overwrites and self.get(grant.bucket, grant.path) is not None
        return "Duplicate" if exists else None

    def accept(self, grant: Grant, body: bytes, bugs: Bugs, settings: StorageSettings) -> Outcome:
        """Make a PUT whose whole body has arrived visible."""
        if not bugs.last_finisher_wins and self.get(grant.bucket, grant.path):
            return Outcome(storage_error("Duplicate", settings.dialect))
        stored = self.put(grant.bucket, grant.path, body, "video/mp4")
        effect = Effect(
            "stored",
            self._clock(),
            item_id=Path(grant.path).stem,
            path=grant.path,
            size_bytes=len(body),
            sha256=stored.sha256,
        )
        return Outcome(Reply(200, b'{"Key": "' + grant.path.encode() + b'"}'), effect)
