"""A word that every secret of every fake contains, so that one search finds them all.

It is put together here, so that no copy of this file holds it.
"""

CANARY = "ca9a27" * 2
