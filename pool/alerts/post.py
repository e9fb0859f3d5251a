"""One HTTP request, within a deadline, its answer's body unread."""

import json
from urllib.parse import urlsplit

import requests

from client.addresses import admitted
from client.attempt import Attempt
from client.errors import ClientError
from client.exchange import exchange

_JSON = {"Content-Type": "application/json"}


class NotDelivered(Exception):
    """Nobody took the request; the message holds no URL, since those are secrets here."""


class Post:
    """Sends through one session; used by one thread."""

    def __init__(self, session: requests.Session) -> None:
        self._session = session

    def alert(self, url: str, text: str, within_s: float) -> None:
        """Say `text` to a webhook that takes what Slack's take. Raises `NotDelivered`."""
        self._send("the alert", "POST", url, within_s, json.dumps({"text": text}).encode())

    def ping(self, url: str, within_s: float) -> None:
        """Ask for `url`. Raises `NotDelivered`."""
        self._send("the ping", "GET", url, within_s, None)

    def _send(self, what: str, method: str, url: str, within_s: float, data: bytes | None) -> None:
        plain = urlsplit(url).scheme == "http"
        admits = admitted(plain=plain, inward=True)
        attempt = Attempt(what, total_s=within_s, idle_s=within_s, admits=admits)
        headers = _JSON if data is not None else {}
        try:
            answer = exchange(self._session, attempt, method, url, headers=headers, data=data)
        except ClientError as error:
            raise NotDelivered(str(error)) from None
        with answer:
            if answer.status >= 300:
                raise NotDelivered(f"{what}: the server answered {answer.status}")
