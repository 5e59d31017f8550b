"""Who pays what of an award: shares to the last minor unit, and who is left out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from marketplace.purchasing.domain.pricing import Cost, LinePrice, cost
from services.contracts.ids import OrganisationId
from services.ledger.domain.shares import split

UNCONFIRMED: Final = "it did not confirm in time"


@dataclass(frozen=True, slots=True)
class Award:
    """An item goes to the quote of ``supplier_id``, by its price ``line``.

    ``quantity`` and ``total_minor`` are those of the award; ``final_…`` those that were ordered.
    """

    id: UUID
    organisation_id: OrganisationId
    list_id: UUID
    number: int
    quote_id: UUID
    supplier_id: OrganisationId
    line: LinePrice
    quantity: int
    total_minor: int
    final_quantity: int | None = None
    final_minor: int | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """What a member buys of an item, and its part of what that costs."""

    member_id: OrganisationId
    number: int
    quantity: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Pledge:
    """A member's confirmed quantities, and the most it pays for all of them; ``None``: anything."""

    member_id: OrganisationId
    quantities: Mapping[int, int]
    at_most_minor: int | None = None


@dataclass(frozen=True, slots=True)
class Settlement:
    """``costs`` and ``shares`` of those kept; ``left_out`` says for each other member why."""

    costs: tuple[Cost, ...]
    shares: tuple[Share, ...]
    left_out: Mapping[OrganisationId, str]


def bill(lines: Sequence[LinePrice], own: Mapping[int, int], pooled: Mapping[int, int]) -> int:
    """The most ``own`` of ``pooled`` quantities comes to: each item rounded up to a minor unit.

    It never rises when more is pooled.
    """
    return sum(
        -(-cost(line, pooled[line.number]).total_minor * own[line.number] // pooled[line.number])
        for line in lines
        if own.get(line.number)
    )


def settle(lines: Sequence[LinePrice], pledges: Sequence[Pledge]) -> Settlement:
    """Keep as many as can all be kept within their limits, and share what it costs them.

    Whoever is left out makes it dearer for the rest, never cheaper: so what is over its limit at
    one step is over it at all later ones, and the order of leaving out does not matter.
    """
    kept, left_out = list(pledges), dict[OrganisationId, str]()
    while True:
        pooled = _pooled(kept)
        over = [
            (one, due)
            for one in kept
            if one.at_most_minor is not None
            and (due := bill(lines, one.quantities, pooled)) > one.at_most_minor
        ]
        if not over:
            return Settlement(*_shared(lines, kept, pooled), left_out)
        for one, due in over:
            left_out[one.member_id] = f"its share came to {due}, above its {one.at_most_minor}"
            kept.remove(one)


def _pooled(pledges: Sequence[Pledge]) -> dict[int, int]:
    pooled: dict[int, int] = {}
    for one in pledges:
        for number, quantity in one.quantities.items():
            pooled[number] = pooled.get(number, 0) + quantity
    return pooled


def _shared(
    lines: Sequence[LinePrice], kept: Sequence[Pledge], pooled: Mapping[int, int]
) -> tuple[tuple[Cost, ...], tuple[Share, ...]]:
    costs = tuple(cost(line, pooled[line.number]) for line in lines if pooled.get(line.number))
    shares: list[Share] = []
    for one in costs:
        buying = [pledge for pledge in kept if pledge.quantities.get(one.number)]
        quantities = [pledge.quantities[one.number] for pledge in buying]
        amounts = split(one.total_minor, quantities)
        shares += [
            Share(pledge.member_id, one.number, quantity, amount)
            for pledge, quantity, amount in zip(buying, quantities, amounts, strict=True)
        ]
    return costs, tuple(shares)
