"""Which deed belongs to which kind of trouble."""

from collections.abc import Callable, Mapping

from tests.chaos.storm import computing_troubles as computing
from tests.chaos.storm import network_troubles as network
from tests.chaos.storm import process_troubles as processes
from tests.chaos.storm import server_troubles as servers
from tests.chaos.storm.field import Field
from tests.chaos.storm.schedule import Trouble

Act = Callable[[Field, Trouble, float], str | None]
"""Brings a trouble about at the given monotonic second; says whom it hit, None if nobody."""

ACTS: Mapping[str, Act] = {
    "kill a child": processes.kill_a_child,
    "stop a child": processes.stop_a_child,
    "kill a supervisor": processes.kill_a_supervisor,
    "stop a supervisor": processes.stop_a_supervisor,
    "drain a pool": processes.drain_a_pool,
    "stop a pool": processes.stop_a_pool,
    **dict.fromkeys(network.WEATHERS, network.change_the_weather),
    "network down": network.cut_the_network,
    "connections reset": network.reset_connections,
    **dict.fromkeys(servers.FAULTS, servers.break_calls),
    "dead links": servers.end_links,
    "server down": servers.down,
    "long races": servers.lengthen_races,
    "task taken away": servers.take_a_task_away,
    **dict.fromkeys(("hang", "segfault", "exit 0"), computing.break_an_inference),
    "poison": computing.bring_poison,
}
