"""The table of cards and presets in docs/wan.md: how each preset would lie on each card.

python -m tests.benchmarks.cards            prints it
python -m tests.benchmarks.cards --write    puts it into the page
"""

import sys
from functools import cache
from pathlib import Path

import yaml

from inference.errors import BackendUnusable
from inference.wan.family import I2V_A14B, TI2V_5B, WAN21_I2V, Family
from inference.wan.memory import free_on, ladder, plan
from inference.wan.settings import parse, recipe_for, work_for
from tests.benchmarks.full_size import sizes

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "wan.md"
BEGIN, END = "<!-- cards: begin -->\n", "<!-- cards: end -->"
CARDS_GIB = (16, 24, 32, 48, 80, 141)
_FAMILIES = {"wan22-ti2v": TI2V_5B, "wan22-i2v": I2V_A14B, "wan21-i2v": WAN21_I2V}
_WORDS = {"none": "all", "text_encoder": "text leaves", "model": "models", "group": "blocks"}


def presets() -> list[tuple[str, Family, dict[str, object]]]:
    """Every WAN preset: its name, its family and its options."""
    return [
        (config.stem, family_of(config.stem), yaml.safe_load(config.read_text())["wan"])
        for config in sorted((ROOT / "configs").glob("wan*.yaml"))
    ]


def family_of(preset: str) -> Family:
    """The family that a preset's name begins with."""
    return _FAMILIES["-".join(preset.split("-")[:2])]


def table() -> str:
    """The table as Markdown, one row a preset and number format of the transformers."""
    head = " | ".join(f"{size} GB" for size in CARDS_GIB)
    lines = [f"| Preset | {head} |", "| --- |" + " --- |" * len(CARDS_GIB)]
    for name, family, options in presets():
        for fp8 in (False, True):
            row = " | ".join(_cell(family, {**options, "fp8": fp8}, size) for size in CARDS_GIB)
            lines.append(f"| `{name}`{', `fp8: true`' if fp8 else ''} | {row} |")
    return "\n".join(lines) + "\n"


def _cell(family: Family, options: dict[str, object], card_gib: int) -> str:
    settings = parse(options)
    work = work_for(settings, recipe_for(settings, family))
    try:
        found = plan(free_on(card_gib * 2**30), ladder(family, _sizes(family.name), work))
    except BackendUnusable:
        return "no"
    tiles = ", tiles" if found.vae_tiling else ""
    return f"{_WORDS[found.offload]}{tiles}, {found.peak_bytes / 1e9:.0f}"


@cache
def _sizes(family: str):
    return sizes(family)


def main() -> None:
    """Print the table, or put it into the page."""
    if sys.argv[1:] != ["--write"]:
        print(table(), end="")
        return
    before, rest = PAGE.read_text().split(BEGIN)
    PAGE.write_text(before + BEGIN + table() + END + rest.partition(END)[2])


if __name__ == "__main__":
    main()
