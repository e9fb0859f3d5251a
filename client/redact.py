"""Texts from elsewhere, made fit for a log line, an error message or a report."""

import re
from collections.abc import Collection

_HIDDEN = "[hidden]"
_READ_CHARS = 20_000  # a body of megabytes, offered as one message, is not searched to its end
_RULES = (
    # A URL is cut at its query and loses its user and password: both may hold a token.
    (re.compile(r"\b(\w{1,16}://)[^\s/@?#'\"<>]*@"), r"\1"),
    (re.compile(r"\b(\w{1,16}://[^\s?#'\"<>]*)[?#][^\s'\"<>]*"), r"\1"),
    (re.compile(r"\beyJ[\w-]+(\.[\w-]*){0,2}"), _HIDDEN),
    (re.compile(r"(?i)\b(bearer)\s+[\w.~+/=-]{12,}"), rf"\1 {_HIDDEN}"),
    (
        re.compile(
            r"(?i)\b(token|signature|secret|password|api[_-]?key|worker[_-]?api[_-]?key"
            r"|authorization|x-amz-[\w-]+)(\"?\s*[=:]\s*\"?)[^\s&\"',;]+"
        ),
        rf"\1\2{_HIDDEN}",
    ),
)


def redacted(text: str, limit: int, secrets: Collection[str] = ()) -> str:
    """`text` on one line, without secrets, of at most `limit` characters.

    Hidden are the given `secrets`, what a URL carries beside its path, and whatever has the shape
    of a token. What is not printable becomes a blank: the result is valid Unicode on one line.
    """
    text = text[:_READ_CHARS]
    for secret in secrets:
        text = text.replace(secret, _HIDDEN)
    for shape, replacement in _RULES:
        text = shape.sub(replacement, text)
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"
