"""The prompt as Runway takes it. Pure."""

import unicodedata

LONGEST_UNITS = 1000
"""UTF-16 code units, as Runway counts them: an emoji is two."""

DEFAULT = "the people in the photo come alive, natural movement, gentle camera"
"""For tasks whose prompt is empty."""

_JOINER = "\u200d"
_SKIN_TONES = range(0x1F3FB, 0x1F400)


def prompt_for(text: str) -> tuple[str, str | None]:
    """The prompt to send, and a note where its end had to be cut off.

    Lone surrogates, which JSON can carry and UTF-8 cannot, become question marks; an empty prompt
    becomes `DEFAULT`.
    """
    clean = text.encode("utf-8", "replace").decode("utf-8").strip() or DEFAULT
    units = utf16_units(clean)
    if units <= LONGEST_UNITS:
        return clean, None
    return _cut(clean), f"the prompt has {units} characters, only its first {LONGEST_UNITS} count"


def utf16_units(text: str) -> int:
    """The length of `text` in UTF-16 code units."""
    return len(text) + sum(ord(character) > 0xFFFF for character in text)


def _cut(text: str) -> str:
    """The longest beginning of `text` that fits and ends with a whole character as people see it.

    A text that is one endless cluster is cut inside of it.
    """
    end, units = 0, 0
    while units + utf16_units(text[end]) <= LONGEST_UNITS:
        units += utf16_units(text[end])
        end += 1
    whole = end
    while whole and _belongs_to_the_former(text, whole):
        whole -= 1
    return text[: whole or end].rstrip()


def _belongs_to_the_former(text: str, index: int) -> bool:
    """Whether the code point at `index` is drawn as one with the code point before it."""
    here, before = text[index], text[index - 1]
    return (
        unicodedata.category(here) in {"Mn", "Me", "Mc"}  # accents, variation selectors
        or _JOINER in (here, before)
        or ord(here) in _SKIN_TONES
    )
