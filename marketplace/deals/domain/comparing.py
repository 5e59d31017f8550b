"""The quotes for one request side by side: what each costs, when it delivers, how it differs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from marketplace.deals.domain.quoting import Quote
from marketplace.deals.domain.requests import Deal


@dataclass(frozen=True, slots=True)
class Compared:
    """``rank`` is by total, from 1; ``over_lowest_minor`` what it costs beyond the cheapest."""

    quote: Quote
    rank: int
    over_lowest_minor: int
    ready_at: datetime
    in_time: bool | None
    """Whether it is ready when it is needed; ``None`` if nobody said when that is."""

    @property
    def id(self) -> UUID:
        return self.quote.id


def compare(deal: Deal, quotes: Iterable[Quote], *, now: datetime) -> Sequence[Compared]:
    """Cheapest first, then the soonest; ``now`` is when they would be awarded."""
    ordered = sorted(quotes, key=lambda one: (one.total_minor, one.lead_days, one.id))
    lowest = ordered[0].total_minor if ordered else 0
    return [
        _compared(deal, quote, rank, lowest, now) for rank, quote in enumerate(ordered, start=1)
    ]


def _compared(deal: Deal, quote: Quote, rank: int, lowest: int, now: datetime) -> Compared:
    ready_at = now + timedelta(days=quote.lead_days)
    needed_by = deal.terms.needed_by
    return Compared(
        quote=quote,
        rank=rank,
        over_lowest_minor=quote.total_minor - lowest,
        ready_at=ready_at,
        in_time=None if needed_by is None else ready_at <= needed_by,
    )
