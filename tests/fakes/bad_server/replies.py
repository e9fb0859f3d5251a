"""Answers before they are bytes on a socket, and the forms that the two services give them."""

import json
from dataclasses import dataclass, replace
from http import HTTPStatus

from tests.fakes.bad_server.bugs import Dialect
from tests.fakes.bad_server.faults import Canned, Overlay
from tests.fakes.bad_server.journal import Effect


@dataclass(frozen=True)
class Reply:
    """One HTTP answer."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()

    def head(self, *, keep_alive: bool) -> bytes:
        """The status line and the headers, with the blank line that ends them."""
        try:
            reason = HTTPStatus(self.status).phrase
        except ValueError:
            reason = "Unknown"
        lines = [
            f"HTTP/1.1 {self.status} {reason}",
            f"Content-Type: {self.content_type}",
            f"Content-Length: {len(self.body)}",
            f"Connection: {'keep-alive' if keep_alive else 'close'}",
            *(f"{name}: {value}" for name, value in self.headers),
        ]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")


@dataclass(frozen=True)
class Outcome:
    """What a call came to: its answer and what it changed, if anything."""

    reply: Reply
    effect: Effect | None = None


def ok(data: object, *, with_data: bool = True) -> Reply:
    """The Worker API's good answer."""
    body = {"success": True, "data": data} if with_data else {"success": True}
    return Reply(200, json.dumps(body).encode())


def error(status: int, message: str) -> Reply:
    """The Worker API's bad answer."""
    return Reply(status, json.dumps({"success": False, "error": message}).encode())


def canned(fault: Canned) -> Reply:
    """The answer that a fault holds ready."""
    return Reply(fault.status, fault.body, fault.content_type, fault.headers)


def overlaid(reply: Reply, fault: Overlay) -> Reply:
    """An answer with fields of its data replaced; one without data stays as it is."""
    body = parsed(reply.body)
    data = body.get("data")
    if not isinstance(data, dict):
        return reply
    return replace(reply, body=json.dumps({**body, "data": {**data, **fault.fields}}).encode())


def parsed(raw: bytes) -> dict[str, object]:
    """A JSON object; empty where the bytes are none."""
    try:
        body = json.loads(raw or b"{}")
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


@dataclass(frozen=True)
class StorageError:
    """One of the storage's errors: its true status and its words."""

    status: int
    code: str
    error: str
    message: str


STORAGE_ERRORS = {
    "Duplicate": StorageError(
        409, "ResourceAlreadyExists", "Duplicate", "The resource already exists"
    ),
    "EntityTooLarge": StorageError(
        413, "EntityTooLarge", "Payload too large", "The object exceeded the maximum allowed size"
    ),
    "InvalidMimeType": StorageError(
        415, "InvalidMimeType", "invalid_mime_type", "mime type is not supported"
    ),
    "InvalidJWT": StorageError(
        400, "InvalidJWT", "InvalidJWT", '"exp" claim timestamp check failed'
    ),
    "ExpiredToken": StorageError(
        400, "ExpiredToken", "ExpiredToken", "The provided token has expired."
    ),
    "InvalidSignature": StorageError(400, "InvalidJWT", "InvalidJWT", "Invalid JWT"),
    "NotFound": StorageError(404, "NoSuchKey", "not_found", "Object not found"),
    "AccessDenied": StorageError(403, "AccessDenied", "Unauthorized", "Access denied"),
    "MissingContentLength": StorageError(
        411, "MissingContentLength", "MissingContentLength", "Content-Length is required"
    ),
    "SlowDown": StorageError(429, "SlowDown", "SlowDown", "Please reduce your request rate"),
    "InternalError": StorageError(500, "InternalError", "Internal", "Internal Server Error"),
}
"""By the name that faults and tests use."""

_UNMASKED = {429, 500}
_S3_FORMS = {
    "InvalidJWT": (403, "AccessDenied", "Request has expired"),
    "ExpiredToken": (403, "AccessDenied", "Request has expired"),
    "InvalidSignature": (403, "SignatureDoesNotMatch", "The request signature does not match"),
    "SlowDown": (503, "SlowDown", "Please reduce your request rate."),
}


def storage_error(name: str, dialect: Dialect) -> Reply:
    """An error of the storage as it leaves: masked as 400, with its own status, or as S3's XML."""
    found = STORAGE_ERRORS[name]
    if dialect == "s3":
        status, code, message = _S3_FORMS.get(name, (found.status, found.code, found.message))
        xml = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
        return Reply(status, xml.encode(), "application/xml")
    body = {
        "statusCode": str(found.status),
        "code": found.code,
        "error": found.error,
        "message": found.message,
    }
    masked = dialect == "masked" and found.status not in _UNMASKED
    return Reply(400 if masked else found.status, json.dumps(body).encode())
