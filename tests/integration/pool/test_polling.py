"""How often eight children ask an empty queue, and how soon they share out what falls into it."""

import time

INTERVAL_S = 1.0
IDLE_S = 4.0


def test_eight_children_poll_as_one_and_lease_eight_tasks_in_eight_round_trips(
    server, add, start, watch
):
    pool = start(
        "--workers",
        "8",
        polling_interval=INTERVAL_S,
        lease_duration_seconds=60,
        overlap=False,
    )
    pool.wait_for_states(*["ready"] * 8, within_s=60)
    began, before = time.monotonic(), len(watch.sent("next-task"))
    server.wait_for(lambda _log: time.monotonic() > began + IDLE_S, IDLE_S + 1)
    elapsed_s, polls = time.monotonic() - began, len(watch.sent("next-task")) - before
    assert 1 <= polls <= elapsed_s / INTERVAL_S + 1

    items = [add("sleep 3") for _ in range(8)]
    all_there = time.monotonic()
    watch.until_leased(*items)
    asked = watch.sent("next-task")
    leased = [entry for entry in asked if entry.effect is not None]
    assert {entry.effect.item_id for entry in leased} == set(items)
    assert len({entry.worker_id for entry in leased}) == len(leased) == 8
    last_s = leased[-1].received_s
    in_vain = [e for e in asked if all_there < e.received_s < last_s and e.effect is None]
    assert in_vain == []
    watch.until_all(items)
