"""Every reason that a slot can give stands in docs/operate.md, with what to do about it."""

import ast
import re
from itertools import chain

import pytest

from pool.gpu.device_watch import _NEEDED
from pool.supervisor.exits import _WORDS, ChildExit
from tests.docs.pages import ROOT, page

FUNCTIONS = {
    "pool/supervisor/slot.py": "__init__ launch _wait_for_its_end _come_back break_down drain "
    "_judge _follow",
    "pool/supervisor/ladder.py": "climb",
    "pool/supervisor/loading.py": "why_wait",
    "pool/supervisor/restart.py": "too_many",
    "pool/supervisor/exits.py": "reason",
    "pool/gpu/memory.py": "not_given_back",
    "pool/gpu/device_watch.py": "seen _broken_memory _needs",
    "pool/gpu/xid.py": "ends_the_device ends_the_process",
    "pool/child/disk.py": "full_disk",
    "pool/child/load.py": "loaded",
    "pool/child/loop.py": "_what_is_missing _refused_key",
    "pool/status/status_file.py": "_without_child",
    "inference/runway/journal.py": "closed",
    "inference/runway/spending.py": "cap_reached",
    "inference/runway/in_flight.py": "full",
    "inference/wan/wear.py": "_verdict",
}
"""The functions that put a slot's reason into words."""

ONE_WORD = {"starting", "loading", "draining"}

NO_REASONS = {
    "process …",  # a part of one
    "the loop",  # likewise
    "memory on the card",  # likewise
    "with …",  # likewise
    "the backend could not be loaded",  # a log line
    "the Worker API refuses the key now (401): no new tasks are taken",  # likewise
    "select until, why from pause",
}


def sentences(node):
    """The texts in a syntax tree, … standing for what is filled in."""
    if isinstance(node, ast.Constant):
        yield str(node.value)
    elif isinstance(node, ast.JoinedStr):
        parts = (p.value if isinstance(p, ast.Constant) else "…" for p in node.values)
        yield re.sub("…+", "…", "".join(parts)).strip()
    else:
        yield from chain.from_iterable(map(sentences, ast.iter_child_nodes(node)))


def reasons_in(path, names):
    tree = ast.parse((ROOT / path).read_text())
    found = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name in names]
    assert {function.name for function in found} == set(names), path
    for function in found:
        body = function.body[1:] if ast.get_docstring(function) else function.body
        texts = chain.from_iterable(map(sentences, body))
        yield from (
            text for text in texts if text in ONE_WORD or (" " in text and "{}" not in text)
        )


def reasons():
    in_code = chain.from_iterable(reasons_in(p, n.split()) for p, n in FUNCTIONS.items())
    said = {*in_code, ChildExit.of(-9, "").reason, *_WORDS.values(), *_NEEDED.values()}
    return sorted(text for text in said - NO_REASONS if re.search(r"\w", text))


def rows():
    """Each text of the table's first column, as a pattern."""
    return {
        text: ".*".join(map(re.escape, text.split("…")))
        for row in page("docs/operate.md").table("reasons")
        for text in re.findall(r"`([^`]+)`", row[0])
    }


@pytest.mark.parametrize("reason", reasons())
def test_a_reason_has_a_row_that_says_what_to_do(reason):
    told = any(re.fullmatch(pattern, reason) for pattern in rows().values())
    assert told, f"docs/operate.md has no row for: {reason}"


@pytest.mark.parametrize("text", rows())
def test_no_row_is_about_a_reason_that_nobody_gives(text):
    assert any(re.fullmatch(rows()[text], reason) for reason in reasons())


def test_every_row_says_what_to_do():
    assert all(row[1] for row in page("docs/operate.md").table("reasons"))
