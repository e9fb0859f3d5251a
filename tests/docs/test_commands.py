"""Every command that the documents show is one that works."""

import importlib.util
import os
import re
import shlex

import pytest

from demo.flags import parser as demo_parser
from pool.commands.pool_status import parser as pool_status_parser
from pool.commands.start_pool import parser as start_pool_parser
from pool.settings import load
from server.settings import _parser as serve_api_parser
from tests.chaos.storm.__main__ import parser as chaos_parser
from tests.docs.pages import PAGES, ROOT, Page

PARSERS = {
    "bin/start-pool": start_pool_parser,
    "bin/pool-status": pool_status_parser,
    "bin/serve-api": serve_api_parser,
    "bin/demo": demo_parser,
    "bin/chaos": chaos_parser,
}
REQUIRED = {"VERCEL_API_URL": "https://api.example", "WORKER_API_KEY": "k", "RUNWAY_API_KEY": "k"}


def shown_commands():
    """The words of each command of ours, in shell blocks and between backticks."""
    for path in PAGES:
        found = Page(path)
        lines = [line for block in found.blocks("sh") for line in block.splitlines()]
        spans = [span for span in found.code_spans() if re.match(r"bin/\S+ ", span)]
        for line in (*lines, *spans):
            words = ["1" if word == "N" else word for word in shlex.split(line, comments=True)]
            while words and re.match(r"\w+=", words[0]):
                words.pop(0)
            if words and words[0].startswith("bin/"):
                yield pytest.param(words, id=f"{path.name}: {' '.join(words)[:60]}")


@pytest.mark.parametrize("words", list(shown_commands()))
def test_a_command_that_is_shown_is_there_and_takes_these_flags(words, tmp_path):
    program, *arguments = words
    assert os.access(ROOT / program, os.X_OK), program
    if program in PARSERS:
        flags = vars(PARSERS[program]().parse_args(arguments))
        if program == "bin/start-pool":
            check_settings(flags, tmp_path)


def check_settings(flags, folder):
    named = flags.pop("config")
    flags = {key: value for key, value in flags.items() if not isinstance(value, bool)}
    ships = named is not None and named.parts[0] == "configs"
    load(flags, REQUIRED, ROOT / named if ships else None, folder)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_modules_that_are_to_be_run_exist(path):
    text = path.read_text()
    modules = [name for name in re.findall(r"python -m\s+([\w.]+)", text) if name != "venv"]
    assert [name for name in modules if importlib.util.find_spec(name) is None] == []
