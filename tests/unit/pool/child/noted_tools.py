"""What a child works with, without a server, a storage or a device: each keeps notes."""

from pathlib import Path

from client.wire import SignedDownload, SignedUpload
from inference.backend import Video


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


class NotedQueue:
    """The Worker API; `while_signing` runs while a URL is signed."""

    def __init__(self):
        self.calls = []
        self.while_signing = lambda: None

    def renew(self, item_id, worker_id, extend_s):
        self.calls.append(("renew", item_id, worker_id, extend_s))

    def sign_download(self, storage_path):
        self.calls.append(("sign download", storage_path))
        self.while_signing()
        return SignedDownload("https://storage/photo?token=t", 600)

    def sign_upload(self, item_id):
        self.calls.append(("sign upload", item_id))
        self.while_signing()
        return SignedUpload("https://storage/video?token=t", f"videos/{item_id}.mp4", 600)

    def report_completed(self, item_id, worker_id, storage_path, runway_task_id=None):
        self.calls.append(("completed", item_id, worker_id, storage_path))

    def report_failed(self, item_id, worker_id, reason):
        self.calls.append(("failed", item_id, worker_id, reason))


class NotedShelf:
    """The storage; it asks `stop` in the middle of every transfer."""

    def __init__(self):
        self.stored = []
        self.stops = []

    def fetch(self, url, target, *, max_bytes, progress, stop):
        target.write_bytes(b"photo")
        progress(5, 5)
        self.stops.append(stop())

    def store(self, url, source, *, progress, stop):
        self.stored.append(source.read_bytes())
        self.stops.append(stop())


class NotedBackend:
    confirmations = 1
    remote = False

    def __init__(self):
        self.requests = []
        self.inferred = []

    def worn_out(self):
        return None

    def prepare(self, request):
        self.requests.append(request)
        return f"prepared {request.seed}"

    def infer(self, prepared, progress, cancel):
        self.inferred.append(prepared)
        progress(1, 2)
        return "clip"

    def encode(self, clip, target: Path, progress, cancel):
        target.write_bytes(b"video of " + clip.encode())
        return Video(target, 9, 48, 32, 24.0, 0.375, target.stat().st_size)


class NotedEvents:
    def __init__(self):
        self.noted = []

    def note(self, event, worker_id, item_id):
        self.noted.append((event, item_id))
