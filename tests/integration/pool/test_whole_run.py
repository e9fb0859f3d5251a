"""Tasks from the queue to the storage, with nobody getting in the way."""

import pytest


@pytest.mark.parametrize("overlap", [True, False])
def test_two_children_complete_ten_tasks_once_each(add, start, watch, overlap):
    items = [add() for _ in range(10)]
    pool = start("--workers", "2", "--max-tasks", "10", overlap=overlap)
    watch.until_all(items)
    assert pool.wait() == 0
    completed = [e.effect for e in watch.sent("report") if e.effect.kind == "completed"]
    assert sorted(effect.item_id for effect in completed) == sorted(items)
    assert len({effect.worker_id for effect in completed}) == 2
