"""The tables of flags, exit codes, fields and states say what the code does."""

import re

import pytest

from demo.flags import parser as demo_parser
from pool.commands.pool_status import parser as pool_status_parser
from pool.commands.start_pool import parser as start_pool_parser
from pool.exit_codes import ExitCode, StatusExitCode
from pool.lease.pace import Stage
from pool.state_dir import StateDir
from pool.status import schema
from pool.status.host import Host
from pool.status.spent import SpentToday
from pool.status.totals import Totals
from pool.supervisor.diagram import diagram
from pool.supervisor.states import SlotState
from server.settings import _parser as serve_api_parser
from tests.docs.pages import page

OF_CHILDREN_ALONE = {ExitCode.DEVICE_UNFIT, ExitCode.ORPHANED, ExitCode.WORN_OUT}


def words_in(cell):
    return re.findall(r"`([^`]+)`", cell)


def flags_of(parser):
    """Each flag, and the kind of its value or None."""
    return {
        option: action.metavar or (action.choices and action.choices[0]) or action.dest.upper()
        if action.nargs != 0
        else None
        for action in parser._actions
        for option in action.option_strings
        if option.startswith("--") and option != "--help"
    }


@pytest.mark.parametrize(
    ("name", "command", "parser"),
    [
        ("README.md", "start-pool", start_pool_parser),
        ("README.md", "pool-status", pool_status_parser),
        ("docs/operate.md", "serve-api", serve_api_parser),
        ("docs/operate.md", "demo", demo_parser),
    ],
)
def test_every_flag_is_in_its_table_and_no_other(name, command, parser):
    rows = page(name).table(f"flags of {command}")
    told = dict((*words_in(row[0])[0].split(maxsplit=1), None)[:2] for row in rows)
    known = flags_of(parser())
    assert told.keys() == known.keys()
    assert {flag: kind is None for flag, kind in told.items()} == {
        flag: kind is None for flag, kind in known.items()
    }


@pytest.mark.parametrize(
    ("name", "command", "codes", "parser"),
    [
        ("README.md", "start-pool", set(ExitCode) - OF_CHILDREN_ALONE, start_pool_parser),
        ("README.ko.md", "start-pool", set(ExitCode) - OF_CHILDREN_ALONE, start_pool_parser),
        ("README.md", "pool-status", set(StatusExitCode), pool_status_parser),
    ],
)
def test_every_exit_code_is_in_its_table_and_in_help(name, command, codes, parser):
    rows = page(name).table(f"exit codes of {command}")
    assert {int(row[0]) for row in rows} == codes
    assert {int(code) for code in re.findall(r"\b\d\b", parser().epilog)} == codes


def test_what_to_do_is_said_for_every_exit_code_of_the_pool():
    operate = page("docs/operate.md").text.partition("## Exit codes")[2].partition("\n## ")[0]
    told = {int(code) for code in re.findall(r"^\| (\d) \|", operate, re.MULTILINE)}
    assert told == set(ExitCode) - OF_CHILDREN_ALONE


def test_every_field_of_the_status_is_told():
    rows = page("README.md").table("fields of the status")
    told = {words_in(row[0])[0]: words_in(row[1]) for row in rows}
    parts = ("Status", "PoolStatus", "SlotStatus", "LastExit", "CurrentTask", "SlotDevice", "Gpu")
    models = {part: getattr(schema, part) for part in parts}
    models |= {"SpentToday": SpentToday, "Totals": Totals, "Host": Host}
    assert told == {
        part: [name.rstrip("_") for name in model.model_fields] for part, model in models.items()
    }


def test_every_slot_state_and_every_stage_is_told():
    readme = page("README.md").code_spans()
    assert {state.value for state in SlotState} | {stage.value for stage in Stage} <= set(readme)
    operate = page("docs/operate.md").text.partition("## States")[2].partition("\n## ")[0]
    told = re.findall(r"^\| `(\w+)` \|", operate, re.MULTILINE)
    assert told == [state.value for state in SlotState]


def test_every_file_of_the_state_folder_is_told():
    spans = page("docs/operate.md").code_spans()
    told = {span.removeprefix("state/") for span in spans if span.startswith("state/")}
    folder = StateDir(page("state").path)
    names = [name for name, kind in vars(StateDir).items() if isinstance(kind, property)]
    assert told == {getattr(folder, name).name for name in names}


def test_the_diagram_of_slot_states_is_the_tables():
    begin, end = "<!-- slot states: begin -->\n", "<!-- slot states: end -->"
    shown = page("docs/architecture.md").text.partition(begin)[2].partition(end)[0]
    assert shown == f"```mermaid\n{diagram()}```\n"
