"""What pydantic says of a value, in the words of the person who wrote it. Pure."""

import re

_KINDS = {
    "a valid integer": "a whole number",
    "a valid number": "a number",
    "a finite number": "a finite number",
    "a valid string": "text",
    "a valid boolean": "true or false",
    "a valid dictionary": "a mapping, one `key: value` a line",
    "a valid dictionary or object to extract fields from": "a mapping, one `key: value` a line",
}
_EXPECTED = re.compile(r"Input should be (.*)")
_BOUND = re.compile(r"(greater|less) than or equal to (\S+)")


def plain_words(said: str) -> str:
    """One of pydantic's sentences about a value, as the rest of a sentence that names the value."""
    said = " ".join(said.removeprefix("Value error, ").split())
    if said == "String should have at least 1 character":
        return "it must not be empty"
    found = _EXPECTED.fullmatch(said)
    if found is None:
        return said
    # What comes after the comma tells how the value was read, which helps nobody who wrote it.
    kind = found[1].partition(", ")[0]
    words = _KINDS.get(kind) or _BOUND.sub(_bound, found[1] if "'" in kind else kind)
    return f"it must be {words}"


def _bound(found: re.Match[str]) -> str:
    return f"{found[2]} or {'more' if found[1] == 'greater' else 'less'}"
