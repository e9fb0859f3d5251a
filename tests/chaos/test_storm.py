"""A short storm over real pools; `bin/chaos` blows longer ones."""

import shutil

import pytest

from tests.chaos.storm.run import blow
from tests.chaos.storm.schedule import Storm
from tests.chaos.storm.told import command, verdict_lines

STORM = Storm(seed=286, length_s=25.0, every_s=0.8, pools=2, children=3, tasks=60)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_after_a_storm_every_task_has_ended_no_rule_is_broken_and_nothing_is_left():
    result = blow(STORM, lambda _progress: None)
    told = "\n".join([f"seed {STORM.seed}: {command(STORM)}", *verdict_lines(result)])
    assert result.judgement.broken == [], told
    assert result.judgement.counts.items == STORM.tasks + result.troubles["poison"]
    assert result.troubles.total() + result.missed == len(STORM.troubles())
    shutil.rmtree(result.folder)
