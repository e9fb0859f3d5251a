"""Troubles that come from computing: an inference that hangs, or that ends its process."""

from tests.chaos.storm.backend import order_for
from tests.chaos.storm.field import PHOTO, Field
from tests.chaos.storm.process_troubles import a_child
from tests.chaos.storm.schedule import Trouble

POISONS = ("segfault", "exit 0")


def break_an_inference(field: Field, trouble: Trouble, now: float) -> str | None:
    """Have the next video of a child hang, or end the child; nothing, if none comes in time."""
    pool, child = a_child(field, trouble.chance())
    if child is None:
        return None
    order = order_for(pool.folder, child.pid)
    draft = order.with_name(f"draft-of-{order.name}")
    draft.write_text(trouble.kind)
    draft.replace(order)
    field.agenda.at(now + trouble.lasts_s, lambda: order.unlink(missing_ok=True))
    return f"{pool.name} {child.pid}"


def bring_poison(field: Field, trouble: Trouble, _now: float) -> str:
    """Add a task that ends every child which computes it."""
    return field.server.add_task(PHOTO, trouble.chance().choice(POISONS))
