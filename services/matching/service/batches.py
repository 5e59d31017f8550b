"""Many requirements in one message, answered by what is needed to book, without reasons."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
import numpy as np

from services.contracts.ids import OfferId, ResourceId
from services.matching.domain import Requirement
from services.matching.engine.interface import Viewer, instant_of
from services.matching.service import wire
from services.matching.service.remote import MALFORMED, RemoteMatcher

DEMANDS_MAX: Final = 2_000
"""Of one batch."""
ROWS_MAX: Final = 16_000
"""Of one batch's answer, which must fit a message of one megabyte."""
(R_COST, R_PRICE, R_DISTANCE, R_START, R_KEY) = range(5)
KEY_FIELDS: Final = 4
ROW_FIELDS: Final = R_KEY + KEY_FIELDS
"""Of a row: the order of candidates. Start in minutes; ids in halves, the resource's first."""
_SIGN: Final = 1 << 63
Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class FindQuestion:
    """Many requirements of one asker, to be answered by what is needed to book, without reasons.

    A ``fresh`` answer counts in whatever was committed before the question was asked; others are
    as old as the newest event that has arrived.

    Raises:
        ValueError: more than one message holds.
    """

    asked: tuple[Requirement, ...]
    limit: int
    now: datetime
    viewer: Viewer
    fresh: bool = False

    def __post_init__(self) -> None:
        if len(self.asked) > DEMANDS_MAX or len(self.asked) * self.limit > ROWS_MAX:
            raise ValueError(
                f"{len(self.asked)} demands of {self.limit} candidates: at most {DEMANDS_MAX}"
                f" demands and {ROWS_MAX} candidates fit one message"
            )


@dataclass(frozen=True, slots=True)
class Found:
    """What fits each demand of a batch, best first.

    ``rows`` is int64 ``(sum of counts, ROW_FIELDS)``, ``counts`` int64 ``(demands,)``.
    """

    rows: Array
    counts: Array

    def slots(self) -> Iterator[list["Slot"]]:
        """The slots of each demand."""
        first = 0
        for count in self.counts.tolist():
            yield [Slot.of(row) for row in self.rows[first : first + count].tolist()]
            first += count


@dataclass(frozen=True, slots=True)
class Slot:
    """A candidate as a batch answers it; its price is in the currency of the requirement."""

    offer_id: OfferId
    resource_id: ResourceId
    price_minor: int
    start: datetime

    @classmethod
    def of(cls, row: list[int]) -> "Slot":
        resource_high, resource_low, offer_high, offer_low = row[R_KEY:]
        return cls(
            offer_id=OfferId(_id(offer_high, offer_low)),
            resource_id=ResourceId(_id(resource_high, resource_low)),
            price_minor=row[R_PRICE],
            start=instant_of(row[R_START]),
        )


def _id(high: int, low: int) -> UUID:
    return UUID(int=(high + _SIGN) << 64 | low + _SIGN)


class FindReply(msgspec.Struct, array_like=True, frozen=True):
    """``rows`` and ``counts`` of :class:`Found` in the machine's order of octets, or a refusal."""

    stamp: wire.Stamp
    refused: str | None = None
    counts: bytes = b""
    rows: bytes = b""

    def found(self) -> Found:
        """Raises ``wire.MalformedMessageError`` when counts and rows do not agree."""
        if len(self.counts) % 8 or len(self.rows) % (8 * ROW_FIELDS):
            raise wire.MalformedMessageError("rows or counts are cut off")
        counts = np.frombuffer(self.counts, np.int64)
        rows = np.frombuffer(self.rows, np.int64).reshape(-1, ROW_FIELDS)
        if len(rows) != counts.sum():
            raise wire.MalformedMessageError(f"{len(rows)} rows, {counts.sum()} counted")
        return Found(rows, counts)


_find_question: Final = msgspec.msgpack.Decoder(FindQuestion)
_find_reply: Final = msgspec.msgpack.Decoder(FindReply)


def find_question(data: bytes) -> FindQuestion:
    """Raises ``MalformedMessageError``."""
    found: FindQuestion = wire.decoded(_find_question, data)
    return found


def find_reply(data: bytes) -> FindReply:
    """Raises ``MalformedMessageError``."""
    found: FindReply = wire.decoded(_find_reply, data)
    return found


class BatchMatcher:
    """Asks the matchers of ``remote`` for batches."""

    def __init__(self, remote: RemoteMatcher) -> None:
        self._remote = remote

    def find(self, question: FindQuestion) -> Found:
        """What fits each requirement.

        Raises:
            MatcherUnavailableError: the matcher cannot answer now.
        """
        replies = self._remote.asked(wire.FIND, wire.encode(question), find_reply)
        try:
            found = [reply.found() for reply in replies]
        except wire.MalformedMessageError as error:
            raise self._remote.unavailable(MALFORMED, str(error)) from error
        self._remote.count("answered")
        return joined(found, limit=question.limit)


def joined(found: Sequence[Found], *, limit: int) -> Found:
    """One answer out of those of all shards: the best ``limit`` of each demand."""
    if len(found) == 1:
        return found[0]
    demands = np.concatenate([np.repeat(np.arange(len(one.counts)), one.counts) for one in found])
    rows = np.concatenate([one.rows for one in found])
    order = np.lexsort((*(rows[:, field] for field in reversed(range(ROW_FIELDS))), demands))
    demands, rows = demands[order], rows[order]
    counts = np.bincount(demands, minlength=len(found[0].counts))
    first = np.cumsum(counts) - counts
    kept = np.arange(len(rows)) - first[demands] < limit
    return Found(rows[kept], np.minimum(counts, limit))
