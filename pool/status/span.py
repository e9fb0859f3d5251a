"""A length of time, as short as a person still reads it."""


def span(seconds: float) -> str:
    """`45s`, `7m11s`, `1h06m`, `3d04h`: at most six characters for the first hundred days."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    if whole < 86_400:
        return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
    return f"{whole // 86_400}d{whole % 86_400 // 3600:02d}h"
