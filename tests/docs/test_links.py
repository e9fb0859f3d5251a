"""What the documents point to is there."""

import re

import pytest

from tests.docs.pages import PAGES, ROOT, Page

OURS = ("pool/", "client/", "inference/", "server/", "demo/", "tests/", "configs/", "docs/", "bin/")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(path):
    targets = re.findall(r"\]\(([^)\s]+)\)", Page(path).prose)
    for target in targets:
        if target.startswith("https://"):
            continue
        name, _, anchor = target.partition("#")
        there = (path.parent / name).resolve() if name else path
        assert there.exists(), target
        if anchor:
            assert anchor in Page(there).anchors(), target


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_files_that_are_named_exist(path):
    named = [span.split()[0] for span in Page(path).code_spans() if span.startswith(OURS)]
    # Of a name with a <part> to fill in, the folder must be there.
    places = {name: ROOT / name.partition("<")[0] for name in named}
    folders = {name: place.parent if "<" in name else place for name, place in places.items()}
    assert [name for name, place in folders.items() if not place.exists()] == []


def test_the_picture_of_the_terminal_loads_nothing_from_elsewhere():
    svg = (ROOT / "docs" / "images" / "pool-status.svg").read_text()
    assert not re.search(r"url\(\s*[\"']?http|href=[\"']http", svg)
