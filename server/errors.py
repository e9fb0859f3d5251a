"""What can go wrong in the server; each class tells its catcher what to do.

    ServerError
    ├── ConfigError             stop: the settings are wrong; the message is one line
    └── Refused                 answer the request with this class's status and this sentence
        ├── BadRequest      400 the request is wrong in itself
        ├── Unauthorized    401 the key is missing or wrong
        ├── Forbidden       403 the request is another's to make
        │   ├── BadSignature    the URL was not signed here, or was changed
        │   └── LinkExpired     the URL was good; ask for a fresh one
        ├── NotFound        404 no such thing, or no longer
        ├── Conflict        409 the thing is in a state that does not allow it
        │   └── AlreadyExists   the object is stored already; nothing is overwritten
        ├── WrongType       415 this kind of file is not taken here
        └── Unavailable     503 the database does not answer

`server.envelope` turns them into answers, once.
"""

from typing import ClassVar


class ServerError(Exception):
    """Root of everything that the server raises on purpose."""


class ConfigError(ServerError):
    """A setting is missing or wrong. The message is one line: what, where, what to do."""


class Refused(ServerError):
    """A request that is answered with `status`; the message is what the caller reads.

    `code` is the name that storage clients look for in the body.
    """

    status: ClassVar[int]
    code: ClassVar[str]


class BadRequest(Refused):
    """The request is wrong in itself; sending it again changes nothing."""

    status = 400
    code = "InvalidRequest"


class Unauthorized(Refused):
    """The key is missing or wrong."""

    status = 401
    code = "Unauthorized"


class Forbidden(Refused):
    """The task belongs to another worker."""

    status = 403
    code = "AccessDenied"


class BadSignature(Forbidden):
    """The URL was not signed by this server for this method and path."""

    code = "InvalidSignature"


class LinkExpired(Forbidden):
    """The URL was signed here, but its time is over."""

    code = "ExpiredToken"


class NotFound(Refused):
    """There is no such thing, or it is not the caller's any more."""

    status = 404
    code = "NotFound"


class Conflict(Refused):
    """The thing exists, in a state that does not allow what was asked."""

    status = 409
    code = "Conflict"


class AlreadyExists(Conflict):
    """The object is stored already. Objects are never overwritten."""

    code = "Duplicate"

    def __init__(self) -> None:
        super().__init__("The resource already exists")


class WrongType(Refused):
    """This kind of file is not taken here."""

    status = 415
    code = "InvalidMimeType"


class Unavailable(Refused):
    """The database does not answer; the caller may try again later."""

    status = 503
    code = "ServiceUnavailable"
