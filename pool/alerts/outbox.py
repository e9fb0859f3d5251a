"""What was said already, and what is still to be sent. Pure: it sends nothing itself."""

from collections import deque
from collections.abc import Callable, Collection, Mapping

_MOST = 50


class Outbox:
    """Each condition is told once when it begins and once when it is over.

    What cannot be delivered waits, the newest `_MOST` of it. `sign` puts the pool's name in front.
    """

    def __init__(self, sign: Callable[[str], str]) -> None:
        self._sign = sign
        self._active: dict[str, str] = {}
        self._waiting: deque[str] = deque(maxlen=_MOST)

    def take(self, conditions: Mapping[str, str]) -> None:
        """Take in what holds now."""
        for name, words in conditions.items():
            if name not in self._active:
                self._waiting.append(self._sign(words))
        for name, words in self._active.items():
            if name not in conditions:
                self._waiting.append(self._sign(f"over: {words}"))
        kept = {name: self._active.get(name, words) for name, words in conditions.items()}
        self._active = kept

    @property
    def active(self) -> Collection[str]:
        """The names of the conditions that held at the last look."""
        return self._active.keys()

    @property
    def next(self) -> str | None:
        """What is to be sent next."""
        return self._waiting[0] if self._waiting else None

    def sent(self) -> None:
        """The next one was delivered."""
        self._waiting.popleft()
