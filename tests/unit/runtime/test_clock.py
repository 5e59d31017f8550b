"""Ids whose randomness is drawn in bulk are UUIDv7 of their own moment, each its own."""

import time
from uuid import RFC_4122

from services.runtime.clock import IDS_DRAWN, PooledClock


def test_ids_of_a_pool_are_distinct_and_of_their_moment() -> None:
    clock, before = PooledClock(), time.time_ns() // 1_000_000
    ids = [clock.new_id() for _ in range(2 * IDS_DRAWN + 1)]
    after = time.time_ns() // 1_000_000
    assert len({one.int & (1 << 74) - 1 for one in ids}) == len(ids)
    assert {(one.version, one.variant) for one in ids} == {(7, RFC_4122)}
    assert all(before <= one.int >> 80 <= after for one in ids)
