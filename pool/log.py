"""Log lines: one event a line, slot and item bound to it, no secret in it.

Every line passes through `line`, exceptions included, so that a secret is cut out even where a
library put it into its own text. Only the supervisor writes to the terminal; a child writes its own
file and sends the lines that a person should see through its pipe.
"""

import json
import traceback
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from client.redact import redacted
from pool.log_file import LogFile

if TYPE_CHECKING:
    from loguru import Record

Form = Literal["text", "json"]

_LONGEST = 2000


def line(record: "Record", form: Form, secrets: Collection[str]) -> str:
    """One log record as the text of one line (a traceback follows on lines of its own)."""
    message = redacted(record["message"], _LONGEST, secrets)
    extra = record["extra"]
    trace = _trace(record, secrets)
    if form == "json":
        fields = {
            "time": record["time"].isoformat(),
            "level": record["level"].name,
            "slot": extra.get("slot"),
            "item_id": extra.get("item_id"),
            "message": message,
            "traceback": trace or None,
        }
        return json.dumps({k: v for k, v in fields.items() if v is not None}, ensure_ascii=False)
    where = f"[{extra.get('slot', 'pool')}]"
    what = f"{extra['item_id']}: {message}" if extra.get("item_id") else message
    head = f"{record['time']:YYYY-MM-DD HH:mm:ss} [{record['level'].name}] {where} {what}"
    return "\n    ".join([head, *trace])


def formatter(form: Form, secrets: Collection[str]) -> Callable[["Record"], str]:
    """What loguru calls for each record; the finished line travels in the record itself."""

    def template(record: "Record") -> str:
        record["extra"]["line"] = line(record, form, secrets)
        return "{extra[line]}\n"

    return template


def log_file(log_dir: Path, name: str) -> LogFile:
    """The log of the process called `name` (a slot, or `pool`)."""
    return LogFile(log_dir / f"{name}.log")


def _trace(record: "Record", secrets: Collection[str]) -> list[str]:
    error = record["exception"]
    if error is None or error.value is None:
        return []
    lines = "".join(traceback.format_exception(error.value)).splitlines()
    return [redacted(text, _LONGEST, secrets) for text in lines]
