"""R5 and R6: what only the pool's own events can show. Without such events nothing is said."""

from collections import defaultdict
from collections.abc import Iterator

from tests.checker.history import History
from tests.checker.lease_rules import pool_of
from tests.checker.model import Event, Violation

DEATHS_TO_POISON = 2


def check_host(history: History) -> Iterator[Violation]:
    """Every violation of R5 and R6."""
    by_item: dict[tuple[str, str], list[Event]] = defaultdict(list)
    for event in history.events:
        by_item[pool_of(event.worker_id), event.item_id].append(event)
    for (_, item_id), events in by_item.items():
        yield from _poison_is_not_run_again(item_id, events)
        yield from _a_kept_video_is_not_made_again(item_id, events)


def _poison_is_not_run_again(item_id: str, events: list[Event]) -> Iterator[Violation]:
    deaths = [event for event in events if event.event == "died"]
    if len(deaths) < DEATHS_TO_POISON:
        return
    second = deaths[DEATHS_TO_POISON - 1]
    for event in events:
        if event.event == "infer_started" and event.t > second.t:
            sentence = f"{item_id} was run again after it had killed two children"
            yield Violation("R5", sentence, (*deaths[:DEATHS_TO_POISON], event))


def _a_kept_video_is_not_made_again(item_id: str, events: list[Event]) -> Iterator[Violation]:
    kept = next((event for event in events if event.event == "kept"), None)
    for event in events:
        if kept and event.event == "infer_started" and event.t > kept.t:
            sentence = f"{item_id} was made again though its finished video was on disk"
            yield Violation("R6", sentence, (kept, event))
