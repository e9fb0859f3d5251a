"""How every item must have ended."""

import json
from collections.abc import Iterator

from tests.fakes.bad_server.items import Item
from tests.fakes.bad_server.storage import VIDEOS
from tests.simulation.rules import Violation
from tests.simulation.server import Server


def of_the_end(server: Server, now: float) -> Iterator[Violation]:
    """Every item ended well: none lost, none completed without its own video."""
    for item in server.items.all():
        why = _what_is_wrong(item, server)
        if why is not None:
            yield Violation("E1", now, "", item.item_id, why)


def _what_is_wrong(item: Item, server: Server) -> str | None:
    if item.status == "failed":
        return None if " " in item.error_message else "failed without a reason"
    if item.status != "completed":
        return f"never ended: it is {item.status}"
    stored = server.storage.get(VIDEOS, item.video_path)
    if stored is None:
        return "is completed and has no video"
    whose = json.loads(stored.data)["item"]
    return None if whose == item.item_id else f"is completed with the video of {whose}"
