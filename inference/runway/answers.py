"""What Runway's answers mean. Pure: answers in, values out."""

import json
import re
from dataclasses import dataclass, field
from enum import Enum, StrEnum

from inference.runway.exchange import NoReply, Reply
from inference.runway.models import USD_PER_CREDIT
from inference.runway.words import fit

_MOST_ISSUES = 3
_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")


class Why(Enum):
    """Why nothing was created. Each has its remedy in `inference.runway.remedies`."""

    BUSY = "Runway is asked too often"
    QUOTA = "the day's quota of Runway is used up"
    CREDIT = "the Runway account is out of credit"
    KEY = "Runway refuses the key"
    SETTINGS = "Runway does not understand the request"
    MODEL = "Runway does not make videos with this model"
    INPUT = "Runway does not take this photo or prompt"
    UNNAMED = "Runway refuses the request and does not say what is wrong with it"
    OFFLINE = "Runway cannot be reached"


@dataclass(frozen=True)
class Created:
    """A task exists, and costs `usd` at most (None: Runway did not say)."""

    task_id: str
    usd: float | None = None


@dataclass(frozen=True)
class NotCreated:
    """Certainly nothing was created, and nothing paid.

    `too_large`: the request, or the picture in it; uploaded, the same picture may be welcome.
    """

    why: Why
    text: str = ""
    retry_after_s: float | None = None
    too_large: bool = False


@dataclass(frozen=True)
class Unknown:
    """It may have been created, and nobody can say."""

    reason: str


class Status(StrEnum):
    """The six states of a Runway task, and one for a state that we have not heard of."""

    PENDING = "PENDING"
    THROTTLED = "THROTTLED"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    UNHEARD_OF = "?"


FINAL = frozenset({Status.SUCCEEDED, Status.FAILED, Status.CANCELLED})
_STATUSES = {status.value: status for status in Status}


@dataclass(frozen=True)
class TaskView:
    """A task as it was seen. `progress` from 0 to 1; `output` are signed links, never shown.

    `usd` is what the task has cost in the end, once it has ended.
    """

    status: Status
    progress: float = 0.0
    output: tuple[str, ...] = field(default=(), repr=False)
    code: str = ""
    text: str = ""
    usd: float | None = None


@dataclass(frozen=True)
class Gone:
    """Runway knows no such task: it was deleted, or belongs to another account."""


@dataclass(frozen=True)
class NotSeen:
    """The task could not be looked at. `answered`: Runway is alive all the same.

    `refused`: it does not understand the question, and asking again does not help for long.
    """

    text: str
    answered: bool
    refused_key: bool = False
    refused: bool = False
    retry_after_s: float | None = None


class Fault(Enum):
    """Whose fault a failed task is, and so what follows."""

    INPUT = "the input's: never again"
    PASSING = "nobody's: later"
    BAD_OUTPUT = "the seed's: once more with another"


_FAULTS = (
    ("SAFETY", Fault.INPUT),
    ("INPUT_PREPROCESSING.SAFETY", Fault.INPUT),
    ("ASSET.INVALID", Fault.INPUT),
    ("INTERNAL.BAD_OUTPUT", Fault.BAD_OUTPUT),
)
"""Beginnings of failure codes; whatever is not here is passing: INTERNAL, THIRD_PARTY, none."""


def fault_of(code: str) -> Fault:
    """Whose fault the failure code `code` speaks of."""
    for beginning, fault in _FAULTS:
        if code == beginning or code.startswith(f"{beginning}."):
            return fault
    return Fault.PASSING


def after_create(answer: Reply | NoReply) -> Created | NotCreated | Unknown:
    """What came of a create. Whatever may have been paid is `Unknown`, 5xx included."""
    if isinstance(answer, NoReply):
        return Unknown(answer.reason) if answer.sent else NotCreated(Why.OFFLINE, answer.reason)
    if 200 <= answer.status < 300:
        record = _record(answer.body)
        task_id = record.get("id")
        if isinstance(task_id, str) and _ID.fullmatch(task_id):
            return Created(task_id, _usd(record.get("estimatedCost")))
        return Unknown(f"an answer without a task's id (HTTP {answer.status})")
    if answer.status >= 500:
        return Unknown(f"HTTP {answer.status}")
    return _refusal(answer)


def after_look(answer: Reply | NoReply) -> TaskView | Gone | NotSeen:
    """What a look at a task showed."""
    if isinstance(answer, NoReply):
        return NotSeen(answer.reason, answered=False)
    if answer.status == 404:
        return Gone()
    record = _record(answer.body)
    if answer.status != 200 or not isinstance(record.get("status"), str):
        return NotSeen(
            _said(answer.status, record),
            answered=True,
            refused_key=answer.status in (401, 403),
            refused=answer.status in (400, 405),
            retry_after_s=answer.retry_after_s,
        )
    return _view(record)


def refused(answer: Reply | NoReply) -> NotCreated:
    """Why a call that pays for nothing, an upload for instance, did not go through."""
    if isinstance(answer, NoReply):
        return NotCreated(Why.OFFLINE, answer.reason)
    if answer.status >= 500 or answer.status < 400:
        return NotCreated(Why.OFFLINE, f"HTTP {answer.status}")
    return _refusal(answer)


def json_record(answer: Reply | NoReply) -> dict[str, object] | None:
    """The object in a good answer; None for any other answer."""
    if isinstance(answer, Reply) and 200 <= answer.status < 300:
        return _record(answer.body) or None
    return None


def _refusal(answer: Reply) -> NotCreated:
    record = _record(answer.body)
    text = fit(str(record.get("error") or ""))
    return NotCreated(
        _why(answer.status, text, record),
        _said(answer.status, record),
        answer.retry_after_s,
        too_large=answer.status == 413 or _names_the_pictures_size(text, record),
    )


def _said(status: int, record: dict[str, object]) -> str:
    """What Runway answered, on one line: its error, and of each issue the field and the message."""
    issues = record.get("issues")
    listed = issues[:_MOST_ISSUES] if isinstance(issues, list) else []
    texts = (str(record.get("error") or ""), "; ".join(filter(None, map(_issue, listed))))
    return fit(": ".join((f"HTTP {status}", *filter(None, texts))))


def _issue(issue: object) -> str:
    if not isinstance(issue, dict):
        return str(issue)
    path = issue.get("path")
    place = ".".join(map(str, path)) if isinstance(path, list) else ""
    return ": ".join(filter(None, (place, str(issue.get("message", "")))))


def _why(status: int, text: str, record: dict[str, object]) -> Why:
    match status:
        case 401 | 403:
            return Why.KEY
        case 402:
            return Why.CREDIT
        case 429:
            return Why.QUOTA if re.search(r"\b(day|daily)\b", text, re.IGNORECASE) else Why.BUSY
        case 400 | 413 | 422:
            return _blamed(text, record)
        case _:
            return Why.SETTINGS


_BLAMED = (
    ("promptImage|promptText|[Aa]ssets?", Why.INPUT),
    ("model", Why.MODEL),
    ("duration|ratio|seed", Why.SETTINGS),
)
"""Names of fields. An answer without any may be about a retired API version, the account's tier or
a proxy, and would be the same for every task."""

_SIZE = re.compile(
    r"(?i)\b(too_big|too (big|large|long)|size|bytes|[km]i?b|at most|maximum|exceeds?)\b"
)


def _blamed(text: str, record: dict[str, object]) -> Why:
    """Which part of a request a 400 complains of, from the fields that it names."""
    if re.search(r"\bcredits?\b", text, re.IGNORECASE):
        return Why.CREDIT
    named = _named(text, record)
    for fields, why in _BLAMED:
        if re.search(rf"\b({fields})\b", named):
            return why
    return Why.UNNAMED


def _names_the_pictures_size(text: str, record: dict[str, object]) -> bool:
    named = _named(text, record)
    return bool(re.search(r"\b(promptImage|[Aa]sset)", named) and _SIZE.search(named))


def _named(text: str, record: dict[str, object]) -> str:
    return f"{text} {json.dumps(record.get('issues', ''))}"


def _view(record: dict[str, object]) -> TaskView:
    status = str(record["status"])
    output = record.get("output")
    links = output if isinstance(output, list) else []
    return TaskView(
        status=_STATUSES.get(status, Status.UNHEARD_OF),
        progress=_share(record.get("progress")),
        output=tuple(link for link in links if isinstance(link, str)),
        code=fit(str(record.get("failureCode") or "")),
        text=fit(str(record.get("failure") or "")),
        usd=_usd(record.get("cost")),
    )


def _share(value: object) -> float:
    return min(max(float(value), 0.0), 1.0) if isinstance(value, int | float) else 0.0


def _usd(cost: object) -> float | None:
    credits_ = cost.get("credits") if isinstance(cost, dict) else None
    if isinstance(credits_, int | float) and 0 <= credits_ < 1_000_000:
        return credits_ * USD_PER_CREDIT
    return None


def _record(body: bytes) -> dict[str, object]:
    try:
        record = json.loads(body)
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}
