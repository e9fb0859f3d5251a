"""The documents, taken apart."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "README.ko.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").glob("*.md")),
]
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Page:
    """One document. `prose` is what is left without its fenced blocks."""

    path: Path

    @property
    def text(self) -> str:
        return self.path.read_text()

    @property
    def prose(self) -> str:
        return _FENCE.sub("", self.text)

    def blocks(self, language: str) -> list[str]:
        """The fenced blocks in this language."""
        return [body for name, body in _FENCE.findall(self.text) if name == language]

    def code_spans(self) -> list[str]:
        """Everything between single backticks; one that goes over a line's end is joined."""
        return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", self.prose)]

    def table(self, mark: str) -> list[list[str]]:
        """The rows of the table that follows the comment `mark`, without its head."""
        _, found, rest = self.text.partition(f"<!-- {mark} -->\n")
        assert found, f"{self.path.name} has no table of {mark}"
        rows = rest.partition("\n\n")[0].splitlines()[2:]
        return [
            [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", row)[1:-1]]
            for row in rows
        ]

    def anchors(self) -> set[str]:
        """What links into this page may end with."""
        heads = re.findall(r"^#+ (.*)$", self.prose, re.MULTILINE)
        return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def page(name: str) -> Page:
    """The page at this path."""
    return Page(ROOT / name)
