"""What stands in for chance: numbers derived from names, the same on every node and at every try."""

from __future__ import annotations

import hashlib
from datetime import timedelta

_SPREAD_BITS = 64


def part_of(longest: float, name: str) -> timedelta:
    """Return a time from 0 to below `longest` seconds that is derived from `name`, and as good as random.

    Counted in whole microseconds, so that no rounding reaches `longest` itself.
    """
    drawn = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=_SPREAD_BITS // 8).digest(), "big")
    return timedelta(microseconds=drawn * int(longest * 1_000_000) >> _SPREAD_BITS)
