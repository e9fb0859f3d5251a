"""What a call to the Worker API or to the storage may raise: exactly one of these.

    ClientError
    ├── Transient         try again later: 5xx, 429, no connection, no or no readable answer
    ├── Unauthorized      the key is wrong (401): take no new leases
    ├── NotYours          another worker holds the task (403)
    ├── NoSuchLease       no such task, or not ours (404); the server says so for other reasons too
    ├── Rejected          the API refuses the request as such (400, other 4xx)
    ├── Unsigned          the API signs no URL and does not say why (500, or 404 for a photo)
    ├── AlreadyStored     the object exists, so it cannot be uploaded again
    ├── UrlExpired        the presigned URL is too old: have a new one signed
    ├── ObjectMissing     the storage has no such object
    ├── ObjectTooLarge    over our cap on a download, or over the storage's limit on an upload
    ├── StorageRefused    the storage refuses for another reason
    ├── UnsafeUrl         a URL that we refuse to follow, redirects included
    └── TransferStopped   the caller's own `stop()` said so

Whether to retry, and how many of these mean that a lease is lost, is the caller's business. No
message holds a key, a token or a URL's query, and none of these carries the library's own exception
with it (no cause, no context), because that one's text holds the whole URL.
"""


class ClientError(Exception):
    """Root of everything that this package raises on purpose."""


class Transient(ClientError):
    """A passing trouble: nothing is known about the task or the key.

    `retry_after_s` is the wait that the other side asked for, if it did. `maybe_done` says that the
    request may have taken effect all the same: it left whole, and no answer told us otherwise.
    """

    def __init__(
        self, message: str, retry_after_s: float | None = None, maybe_done: bool = False
    ) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.maybe_done = maybe_done


class Unauthorized(ClientError):
    """The API does not accept the worker's key (401)."""


class NotYours(ClientError):
    """The task belongs to another worker (403)."""


class NoSuchLease(ClientError):
    """The API knows no such task under this worker (404), or could not look: one proves nothing."""


class Rejected(ClientError):
    """The API refuses the request itself (400 and other 4xx); the same again changes nothing."""


class Unsigned(ClientError):
    """The API signs no URL: for an upload the object may exist, for a download it may be lost.

    Or the API is in trouble, or not where we look for it: it says 500, or 404, to all of this.
    """


class AlreadyStored(ClientError):
    """The object exists already, perhaps from an upload of ours whose answer was lost."""


class UrlExpired(ClientError):
    """The presigned URL's time is over."""


class ObjectMissing(ClientError):
    """The storage has no object there."""


class ObjectTooLarge(ClientError):
    """The object is over the cap given for the download, or over the storage's own limit."""


class StorageRefused(ClientError):
    """The storage refuses: a wrong content type, no access, or what its message says."""


class UnsafeUrl(ClientError):
    """A URL that is not followed: its scheme, its address, or a redirect."""


class TransferStopped(ClientError):
    """The caller's `stop()` said so; nothing is known about what was being sent."""
