"""The documented codes are the codes."""

import re

from pool import exit_codes
from pool.commands import pool_status, start_pool
from pool.exit_codes import ExitCode, StatusExitCode


def test_every_exit_code_is_explained_where_it_is_defined():
    explained = dict(re.findall(r"^  (\d+) +([A-Z_]+) {2,}\S", exit_codes.__doc__, re.MULTILINE))
    assert explained == {str(int(code)): code.name for code in ExitCode}


def test_the_numbers_are_a_promise():
    assert {code.name: int(code) for code in ExitCode} == {
        "CLEAN": 0,
        "NOT_NOW": 1,
        "CONFIG": 2,
        "NO_DEVICE": 3,
        "UNAUTHORIZED": 4,
        "ALL_QUARANTINED": 5,
        "DEVICE_UNFIT": 6,
        "ORPHANED": 7,
        "ALREADY_RUNNING": 8,
        "STOPPED": 9,
        "WORN_OUT": 10,
    }
    assert [int(code) for code in StatusExitCode] == [0, 1, 2, 3]


def test_the_commands_help_names_every_code_that_the_pool_ends_with():
    only_of_a_child = {ExitCode.DEVICE_UNFIT, ExitCode.ORPHANED, ExitCode.WORN_OUT}
    told = re.findall(r"\b(\d) ", start_pool.parser().epilog)
    assert set(map(int, told)) == set(ExitCode) - only_of_a_child


def test_the_status_commands_help_names_every_code():
    told = re.findall(r"\b(\d) ", pool_status.parser().epilog)
    assert set(map(int, told)) == set(StatusExitCode)
