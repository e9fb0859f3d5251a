"""A few kills of Runway children; `python -m tests.chaos.runway_kills` makes hundreds."""

import shutil

import pytest

from tests.chaos.runway_kills.__main__ import told
from tests.chaos.runway_kills.run import Plan, kill_children

PLAN = Plan(seed=4, kills=8, workers=6, doomed=1.0)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_no_kill_makes_a_lease_pay_twice_and_every_item_comes_home():
    result = kill_children(PLAN, lambda _kills: None)
    assert result.broken == [], "\n".join([f"seed {PLAN.seed}", *told(result)])
    assert result.completed == result.tasks >= PLAN.kills
    assert result.phases.total() == PLAN.kills
    shutil.rmtree(result.folder)
