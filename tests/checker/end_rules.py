"""E1 to E4: what must hold when everything is over.

E1  every item ended, completed with a playable video or failed with a reason for people
E2  no item was completed without bytes, or completed and then failed
E3  no process, no held lock and no temporary file is left (`leftovers`)
E4  no secret was sent, shown or written where it does not belong (here as the server saw it)
"""

from collections.abc import Iterator

from tests.checker.history import History
from tests.checker.model import Expectations, Store, Violation
from tests.checker.report_rules import why_not_understood
from tests.fakes.bad_server.items import Item


def check_end(history: History, store: Store, expect: Expectations) -> Iterator[Violation]:
    """Every violation of E1, E2, and of E4 as far as the server could see it."""
    for item in store.items():
        yield from _ended_well(item, store, expect)
    yield from _never_unmade(history)
    for entry in history.log:
        for leak in entry.leaks:
            yield Violation("E4", f"the server was sent {leak}", (entry,))


def _ended_well(item: Item, store: Store, expect: Expectations) -> Iterator[Violation]:
    if item.status == "completed":
        yield from _has_its_video(item, store, expect)
    elif item.status == "failed":
        why = why_not_understood(item.error_message)
        if why:
            sentence = f"{item.item_id} failed with {item.error_message!r}: {why}"
            yield Violation("E1", sentence)
    elif expect.finished:
        yield Violation("E1", f"{item.item_id} never ended: it is {item.status}")


def _has_its_video(item: Item, store: Store, expect: Expectations) -> Iterator[Violation]:
    stored = store.objects().get(item.video_path)
    if stored is None:
        yield Violation("E2", f"{item.item_id} is completed and has no video")
        return
    why = expect.why_not_playable(stored.data)
    if why:
        yield Violation("E1", f"the video of {item.item_id} does not play: {why}")


def _never_unmade(history: History) -> Iterator[Violation]:
    for entry in history.log:
        effect = entry.effect
        if effect and effect.kind == "failed" and effect.previous_status == "completed":
            sentence = f"{effect.item_id} was completed and then turned into failed"
            yield Violation("E2", sentence, (entry,))
