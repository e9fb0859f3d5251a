"""The tables of docs/configure.md: `python -m pool.settings.reference PAGE` writes them anew.

A test compares that page with these, so the page cannot fall behind the code.
"""

import sys
from collections.abc import Iterable
from pathlib import Path

from pool.settings.names import NAMED
from pool.settings.old_workers import MODELS, RENAMED, WITHOUT_MEANING
from pool.settings.schema import Settings


def settings_table() -> str:
    """Every setting as a Markdown table."""
    head = ("Setting", "Environment", "Flag", "Default", "Meaning")
    return _markdown(head, [_row(key) for key in NAMED])


def old_keys_table() -> str:
    """The older workers' keys that mean something else, or nothing, today."""
    rows = [(f"`{old}`", f"`{new}`") for old, new in RENAMED.items()]
    models = ", ".join(f"`{task_type}`: `{model}`" for task_type, model in MODELS.items())
    rows.append(("`task_type`", f"`wan.model`: {models}"))
    rows.append(("`model_path`", "`wan.model`, if it is a folder in diffusers' layout"))
    rows += [(f"`{old}`", f"nothing; {why}") for old, why in WITHOUT_MEANING.items()]
    return _markdown(("Old key", "Today"), rows)


def _markdown(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _row(key: str) -> tuple[str, ...]:
    named = NAMED[key]
    return (
        f"`{key}`",
        ", ".join(f"`{name}`" for name in named.env),
        f"`{named.flag}`" if named.flag else "",
        _default(key),
        Settings.model_fields[key].description or "",
    )


def _default(key: str) -> str:
    if Settings.model_fields[key].is_required():
        return "required"
    wan, runway = (_in_words(key, mode) for mode in ("wan", "runway"))
    return wan if wan == runway or key == "worker_type" else f"{wan} (wan), {runway} (runway)"


def _in_words(key: str, mode: str) -> str:
    settings = Settings.model_validate(
        {"vercel_api_url": "-", "worker_token": "-", "worker_type": mode}
    )
    value = settings.model_dump(mode="json")[key]
    match value:
        case None:
            return ""
        case dict():
            return ", ".join(f"{name} {limit:g}" for name, limit in value.items())
        case bool():
            return f"`{str(value).lower()}`"
        case float():
            return f"`{value:g}`"
        case _:
            return f"`{value}`"


def rewritten(page: str) -> str:
    """The page with its tables as they are now; everything outside the markers stays."""
    for name, table in (("settings", settings_table()), ("old keys", old_keys_table())):
        begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->"
        before, _, rest = page.partition(begin)
        page = f"{before}{begin}{table}{end}{rest.partition(end)[2]}"
    return page


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(rewritten(path.read_text()))
