"""Texts from Runway, made fit for a log line, an error message or a report. Pure."""

import re

_LONGEST = 300
_READ = 20_000  # a body of megabytes, offered as one message, is not searched to its end
HIDDEN = "[hidden]"
_RULES = (
    (re.compile(r"\bdata:[^\s'\"<>]*"), HIDDEN),
    # Signed links carry their token behind the question mark.
    (re.compile(r"\b(\w{1,16}://)[^\s/@?#'\"<>]*@"), r"\1"),
    (re.compile(r"\b(\w{1,16}://[^\s?#'\"<>]*)[?#][^\s'\"<>]*"), r"\1"),
    (re.compile(r"(?i)\b(bearer\s+|key_|rw_)[\w.~+/=-]{8,}"), rf"\1{HIDDEN}"),
)


def fit(text: str) -> str:
    """`text` on one line, short, without keys, links' tokens and data URIs."""
    text = text[:_READ]
    for shape, replacement in _RULES:
        text = shape.sub(replacement, text)
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
