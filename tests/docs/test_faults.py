"""The table of faults: each row has its test, and each test of the chaos its row."""

import ast
import re

from tests.docs.pages import ROOT, page

TESTS = sorted((ROOT / "tests").rglob("test_*.py"))
CHAOS = sorted((ROOT / "tests" / "chaos").glob("test_*.py"))
BY_CHANCE = {"test_storm.py", "test_runway_kills.py"}
"""What strikes at random moments is no test of one fault."""


def functions(path):
    tree = ast.parse(path.read_text())
    names = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    return {name for name in names if name.startswith("test_")}


def rows():
    tables = map(page("docs/reliability.md").table, ("faults", "faults of the wire"))
    return [row for table in tables for row in table]


def named_in(row):
    return re.findall(r"`(test_\w+)`", row[2])


def test_every_fault_has_a_test_or_the_reason_why_not():
    there = set().union(*map(functions, TESTS))
    for row in rows():
        assert named_in(row) or row[2].startswith("not tested"), row[0]
        assert set(named_in(row)) <= there, row[0]


def test_every_test_of_a_fault_stands_in_the_table():
    named = {name for row in rows() for name in named_in(row)}
    ours = set().union(*(functions(path) for path in CHAOS if path.name not in BY_CHANCE))
    assert ours - named == set()
