"""The seed of a video, derived from its item's id.

The same task on the same software then gives the same video, whichever worker makes it.
"""

import hashlib

_SEED_BITS = 63
"""What both torch's generators and Runway's JSON carry without a sign."""


def seed_for(item_id: str) -> int:
    """The seed for an item: 63 bits of the SHA-256 of its id. Pure; the same on every machine."""
    digest = hashlib.sha256(item_id.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") >> (64 - _SEED_BITS)
