"""An answer that has come in whole, as a value. Pure."""

from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime


@dataclass(frozen=True)
class Received:
    """One answer. `content_type` is the media type alone, in lower case."""

    status: int
    content_type: str
    body: bytes
    retry_after_s: float | None = None

    @property
    def ok(self) -> bool:
        """Whether the status says success."""
        return 200 <= self.status < 300

    @property
    def is_page(self) -> bool:
        """Whether this is a web page: a proxy's or a portal's word, not that of who was asked."""
        start = self.body[:1024].lower()
        return self.content_type == "text/html" or (
            start.lstrip().startswith(b"<") and b"<html" in start
        )


def retry_after_s(value: str, date: str) -> float | None:
    """The wait in a Retry-After header: seconds, or a date, less the same answer's Date header."""
    value = value.strip()
    if value.isascii() and value.isdigit() and len(value) <= 9:
        return float(value)
    until, now = _http_date(value), _http_date(date)
    return max(0.0, (until - now).total_seconds()) if until and now else None


def _http_date(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, TypeError):
        return None
    return date if date.tzinfo is not None else None
