"""Which process is killed when: drawn from a seed, so that a run can be repeated."""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from types import MappingProxyType
from typing import Final

FULL: Final[Mapping[str, int]] = MappingProxyType(
    {"postgres": 40, "matcher": 40, "http": 40, "nats": 20, "worker": 20}
)
"""How often each dies. The matcher's process also writes bookings, the worker's the ledger."""
QUICK: Final[Mapping[str, int]] = MappingProxyType(
    {name: count // 10 for name, count in FULL.items()}
)
PAUSE_S: Final = (0.3, 2.5)
"""Shortest and longest time the whole platform works between two kills."""


@dataclass(frozen=True, slots=True)
class Kill:
    """The process ``name`` dies when the platform has worked for ``after_s`` seconds."""

    name: str
    after_s: float


def plan(counts: Mapping[str, int], random: Random) -> list[Kill]:
    """As many kills of each process as ``counts`` says, in no order."""
    names = [name for name, count in counts.items() for _ in range(count)]
    random.shuffle(names)
    return [Kill(name, random.uniform(*PAUSE_S)) for name in names]
