"""A number of things, in words."""


def counted(number: int, one: str, many: str | None = None) -> str:
    """`1 slot`, `3 slots`; `many` where the plural is no mere s: `2 children`."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"
