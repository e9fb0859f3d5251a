"""The Runway API's verbs. One call is one request; nothing is repeated here.

Runs on whichever thread calls it. The key goes to the API's own address alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from inference.runway.answers import (
    Gone,
    NotCreated,
    NotSeen,
    TaskView,
    Why,
    after_look,
    json_record,
    refused,
)
from inference.runway.exchange import Ask, NoReply, Patience, Reply, exchange, new_session
from inference.runway.patience import Abandoned, never
from inference.runway.settings import RunwaySettings

if TYPE_CHECKING:
    from inference.runway.picture import Picture

API_VERSION = "2024-11-06"

CALL_S = 60.0
"""How long one call may take, a picture inside the request included."""

_CREATE_GRACE_S = 4.0
"""Once a create is on its way its answer is worth waiting for, even when asked to stop: a task
whose id is known can be cancelled."""
_UPLOAD_S = 600.0
_LAST_LOOK_S = 2.0
_CANCEL_S = 3.0
_KEY_CHECK_S = 5.0
_EXTENSIONS = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}

Stop = Callable[[], bool]


class RunwayApi:
    """One organization's access. Every call is over within its own total, whatever comes."""

    def __init__(self, settings: RunwaySettings, call_s: float = CALL_S) -> None:
        self._base = settings.base_url
        self._call_s = call_s
        self._plain_allowed = settings.on_loopback
        self._session = new_session()
        self._key = settings.api_key
        self._headers = {
            "Authorization": f"Bearer {self._key}",
            "X-Runway-Version": API_VERSION,
        }

    def create(
        self,
        body: Mapping[str, object],
        then: Callable[[Reply | NoReply, Abandoned], None],
        stop: Stop,
    ) -> Reply | NoReply:
        """Send the one paid request. `then` hears of the answer first: see `exchange`."""
        ask = self._ask("POST", "/v1/image_to_video", body)
        return self._exchange(ask, Patience(self._call_s, stop, _CREATE_GRACE_S), then)

    def look(self, task_id: str, stop: Stop = never) -> TaskView | Gone | NotSeen:
        """The task as it is now, with fresh links to its output."""
        return self._look(task_id, Patience(self._call_s, stop))

    def last_look(self, task_id: str) -> TaskView | Gone | NotSeen:
        """A look within seconds, for a task that is about to be cancelled."""
        return self._look(task_id, Patience(_LAST_LOOK_S))

    def cancel(self, task_id: str) -> bool:
        """Cancel the task, or delete a finished one; whether Runway said that it did."""
        ask = self._ask("DELETE", f"/v1/tasks/{task_id}")
        answer = self._exchange(ask, Patience(_CANCEL_S))
        return isinstance(answer, Reply) and answer.status in (200, 202, 204, 404)

    def upload(self, picture: "Picture", stop: Stop) -> str | NotCreated:
        """Lend Runway the picture for a day; its runway:// URI."""
        name = f"photo.{_EXTENSIONS[picture.media_type]}"
        ask = self._ask("POST", "/v1/uploads", {"filename": name, "type": "ephemeral"})
        answer = self._exchange(ask, Patience(self._call_s, stop))
        record = json_record(answer) or {}
        url, fields, uri = (record.get(key) for key in ("uploadUrl", "fields", "runwayUri"))
        if not (isinstance(url, str) and isinstance(fields, dict) and isinstance(uri, str)):
            return refused(answer)
        if not self.may_visit(url):
            return NotCreated(Why.SETTINGS, "the upload's address is not https")
        form = {str(key): str(value) for key, value in fields.items()}
        file = {"file": (name, picture.data, picture.media_type)}
        put = Ask("POST", url, form=form, files=file)
        answer = self._exchange(put, Patience(_UPLOAD_S, stop))
        stored = isinstance(answer, Reply) and 200 <= answer.status < 300
        return uri if stored else _not_stored(answer)

    def key_refused(self) -> bool:
        """Whether Runway says that the key is not good. False also when nothing is known."""
        return self.key_accepted() is False

    def key_accepted(self) -> bool | None:
        """Whether the key is good; None when Runway tells neither. It costs nothing."""
        ask = self._ask("GET", "/v1/organization")
        answer = self._exchange(ask, Patience(_KEY_CHECK_S))
        known = {401: False, 200: True}
        return known.get(answer.status) if isinstance(answer, Reply) else None

    def may_visit(self, url: str) -> bool:
        """Whether a link that Runway gave may be followed: https, or a test's own machine."""
        try:
            scheme = urlsplit(url).scheme
        except ValueError:
            return False
        return scheme == "https" or self._plain_allowed

    def _look(self, task_id: str, patience: Patience) -> TaskView | Gone | NotSeen:
        ask = self._ask("GET", f"/v1/tasks/{task_id}")
        return after_look(self._exchange(ask, patience))

    def _exchange(
        self,
        ask: Ask,
        patience: Patience,
        then: Callable[[Reply | NoReply, Abandoned], None] = lambda _answer, _abandoned: None,
    ) -> Reply | NoReply:
        """Every call passes here, so nobody ever reads an answer that repeats the key."""
        return exchange(self._session, replace(ask, secret=self._key), patience, then)

    def _ask(self, method: str, path: str, body: object = None) -> Ask:
        return Ask(method, f"{self._base}{path}", headers=self._headers, record=body)


def _not_stored(answer: Reply | NoReply) -> NotCreated:
    """The store's refusals say nothing about the photo: they are trouble to be waited out."""
    text = answer.reason if isinstance(answer, NoReply) else f"HTTP {answer.status}"
    return NotCreated(Why.OFFLINE, f"the photo could not be uploaded: {text}")
