import shlex

import pytest

from tests.chaos.storm.__main__ import parser, planned
from tests.chaos.storm.schedule import Storm
from tests.chaos.storm.told import command


@pytest.mark.parametrize(
    "storm",
    [
        Storm(seed=0),
        Storm(seed=7, length_s=25.0, every_s=0.8, pools=2, children=3, tasks=60),
        Storm(seed=3, length_s=660.0, every_s=0.55, only=("kill a child", "silence")),
    ],
)
def test_the_command_that_a_failure_names_draws_the_same_schedule(storm):
    program, *flags = shlex.split(command(storm))
    again = planned(parser().parse_args(flags))
    assert program == "bin/chaos"
    assert again.troubles() == storm.troubles()
    assert (again.pools, again.children, again.arrivals()) == (
        storm.pools,
        storm.children,
        storm.arrivals(),
    )
