"""Every environment variable that the documents name is one that something reads."""

import re

import pytest

from pool.settings.environment import VARIABLES
from tests.docs.pages import PAGES, ROOT

OURS = re.compile(
    r"\b(?:POOL|RUNWAY|RUNWAYML|VERCEL|NEXT|WORKER|POLL|POLLING|LEASE|HEARTBEAT|API|ADMIN|TEMP|LOG"
    r"|DATABASE)_[A-Z][A-Z_]*\b"
)
READ_ELSEWHERE = ["server/settings.py", "configs/vast-onstart.sh", "bin/install"]


def known():
    elsewhere = {
        name for path in READ_ELSEWHERE for name in OURS.findall((ROOT / path).read_text())
    }
    return elsewhere | {name for names in VARIABLES.values() for name in names}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_variable_that_is_named_is_read_by_something(path):
    assert set(OURS.findall(path.read_text())) - known() == set()


def test_the_example_of_a_dotenv_names_only_what_is_read():
    assert set(OURS.findall((ROOT / ".env.example").read_text())) - known() == set()
