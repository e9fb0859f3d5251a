"""A bar of text: eighths of a character where the terminal has them, `#` where it has not."""

_EIGHTHS = " ▏▎▍▌▋▊▉"


def bar(share: float, width: int, *, unicode: bool) -> str:
    """`share`, in [0, 1], as a bar of exactly `width` characters."""
    share = min(1.0, max(0.0, share))
    if not unicode:
        full = round(share * width)
        return "#" * full + "." * (width - full)
    eighths = round(share * width * 8)
    full, rest = divmod(eighths, 8)
    text = "█" * full + (_EIGHTHS[rest] if rest else "")
    return text.ljust(width, "░")
