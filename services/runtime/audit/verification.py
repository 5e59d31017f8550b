"""Finding what was done to a chain: the first entry that does not fit, and in which way. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from services.runtime.audit.entry import (
    ChainId,
    Entry,
    Head,
    beginning,
    entry_hash,
    organisation_of,
)


class Breach(StrEnum):
    EDITED = "edited"
    """An entry does not have the hash it carries."""
    UNLINKED = "unlinked"
    """An entry does not follow the one before it: exchanged, re-ordered or put in."""
    MISSING = "missing"
    """Entries between two others are gone."""
    DUPLICATED = "duplicated"
    """Two entries have one number."""
    CUT = "cut"
    """Entries at the end are gone: the head, or an anchor, has seen more."""
    HEAD_WRONG = "head-wrong"
    """The head does not tell the last entry."""
    ANCHOR_BROKEN = "anchor-broken"
    """The chain was whole when anchored and is now another one: rewritten from there or before."""


@dataclass(frozen=True, slots=True)
class Damage:
    """The first entry of a chain that is not as it was written."""

    chain: ChainId
    seq: int
    breach: Breach


@dataclass(frozen=True, slots=True)
class Verdict:
    chain: ChainId
    entries: int
    damage: Damage | None


def verify_chain(
    chain: ChainId,
    entries: Iterable[Entry],
    *,
    head: Head | None,
    anchored: Mapping[int, bytes],
) -> Verdict:
    """Go through the entries of ``chain`` in order of number.

    Args:
        chain: whose entries they are.
        entries: every entry there is, by ``seq``.
        head: what the database keeps as the end; ``None`` if it keeps none.
        anchored: hash by number, as anchors outside the database have them.
    """
    last, count, damage = beginning(chain), 0, None
    for entry in entries:
        damage = _fault(last, entry, anchored)
        if damage is not None:
            break
        last, count = entry.head, count + 1
    return Verdict(chain, count, damage or _end_fault(last, head, anchored))


def by_chain(entries: Iterable[Entry]) -> Iterator[tuple[ChainId, Iterator[Entry]]]:
    """Entries sorted by chain, one chain at a time; a chain not read to its end is skipped over."""
    stream = iter(entries)
    following = next(stream, None)

    def members(chain: ChainId) -> Iterator[Entry]:
        nonlocal following
        while following is not None and following.chain == chain:
            current, following = following, next(stream, None)
            yield current

    while following is not None:
        chain = following.chain
        reading = members(chain)
        yield chain, reading
        for _ in reading:
            pass


def _fault(last: Head, entry: Entry, anchored: Mapping[int, bytes]) -> Damage | None:
    expected = last.seq + 1
    if entry.seq < expected:
        return Damage(last.chain, entry.seq, Breach.DUPLICATED)
    if entry.seq > expected:
        return Damage(last.chain, expected, Breach.MISSING)
    computed = entry_hash(
        chain=entry.chain, seq=entry.seq, fact=entry.fact, previous=entry.previous
    )
    if computed != entry.hash or entry.organisation_id != organisation_of(entry.chain):
        return Damage(last.chain, entry.seq, Breach.EDITED)
    if entry.previous != last.hash:
        return Damage(last.chain, entry.seq, Breach.UNLINKED)
    if anchored.get(entry.seq, entry.hash) != entry.hash:
        return Damage(last.chain, entry.seq, Breach.ANCHOR_BROKEN)
    return None


def _end_fault(last: Head, head: Head | None, anchored: Mapping[int, bytes]) -> Damage | None:
    if any(seq > last.seq for seq in anchored) or (head is not None and head.seq > last.seq):
        return Damage(last.chain, last.seq + 1, Breach.CUT)
    if (head is None and last.seq > 0) or (head is not None and head != last):
        return Damage(last.chain, last.seq, Breach.HEAD_WRONG)
    return None
