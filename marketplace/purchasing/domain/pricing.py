"""Tiered prices (阶梯报价) of quotes, and what pooled quantities cost by them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, ClassVar, Final
from uuid import UUID

from services.contracts.confidentiality import CONFIDENTIAL
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OrganisationId

TIERS_MAX: Final = 20
UNIT_MINOR_MAX: Final = 10**10
LEAD_DAYS_MAX: Final = 3_660
TOTAL_MAX: Final = 10**13


class TieredQuoteInvalidError(DomainError):
    code: ClassVar[str] = "tiered-quote-invalid"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "This quote cannot be given: {en}; change {field}."
    zh: ClassVar[str] = "无法提交该报价：{zh}；请修改 {field}。"


class QuoteState(StrEnum):
    SUBMITTED = "submitted"
    SUPERSEDED = "superseded"
    """Its supplier has quoted anew."""
    WITHDRAWN = "withdrawn"
    AWARDED = "awarded"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Tier:
    """From ``quantity`` on each unit costs ``unit_minor``."""

    quantity: int
    unit_minor: int


@dataclass(frozen=True, slots=True)
class LinePrice:
    """The price of one item: by tiers, and ``setup_minor`` once however much is bought."""

    number: int
    tiers: tuple[Tier, ...]
    setup_minor: int = 0


@dataclass(frozen=True, slots=True)
class Cost:
    """What ``quantity`` of an item costs in minor units, and how that comes about.

    ``charged`` is more than ``quantity`` where the next break is cheaper, or the least quantity
    was not reached.
    """

    number: int
    quantity: int
    charged: int
    tier: Tier
    setup_minor: int

    @property
    def total_minor(self) -> int:
        return self.charged * self.tier.unit_minor + self.setup_minor

    @property
    def because(self) -> str:
        rule = f"{self.charged} x {self.tier.unit_minor} (from {self.tier.quantity} on)"
        if self.charged > self.quantity:
            rule = f"{self.quantity} charged as {rule}"
        return f"{rule} + set-up {self.setup_minor}" if self.setup_minor else rule


@dataclass(frozen=True, slots=True)
class TieredQuote:
    """What ``supplier_id`` asks for items of a list; what it does not name it does not offer."""

    id: UUID
    organisation_id: OrganisationId
    supplier_id: OrganisationId
    list_id: UUID
    version: int
    state: QuoteState
    lines: Annotated[tuple[LinePrice, ...], CONFIDENTIAL]
    lead_days: int
    valid_until: datetime
    note: Annotated[str, CONFIDENTIAL]
    created_at: datetime

    def line(self, number: int) -> LinePrice | None:
        return next((line for line in self.lines if line.number == number), None)


def check_lines(lines: Sequence[LinePrice], numbers: Sequence[int]) -> None:
    """Refuse prices that would make more cost less by the unit of less, or of no item.

    Raises:
        TieredQuoteInvalidError: it says why.
    """
    for line in lines:
        breaks = [tier.quantity for tier in line.tiers]
        units = [tier.unit_minor for tier in line.tiers]
        checks = (
            (line.number in numbers, f"item {line.number} is not of the list",
             f"清单中没有第 {line.number} 项"),
            (bool(breaks) and breaks == sorted(set(breaks)),
             f"the breaks of item {line.number} do not rise", f"第 {line.number} 项的数量档未递增"),
            (units == sorted(set(units), reverse=True),
             f"the prices of item {line.number} do not fall from break to break",
             f"第 {line.number} 项的单价未随数量档递减"),
        )  # fmt: skip
        for holds, en, zh in checks:
            if not holds:
                raise TieredQuoteInvalidError(field="lines", en=en, zh=zh)
    if len({line.number for line in lines}) != len(lines):
        raise TieredQuoteInvalidError(
            field="lines", en="an item is priced twice", zh="项目重复报价"
        )


def cost(line: LinePrice, quantity: int) -> Cost:
    """What ``quantity`` costs: by the tier that is cheapest when at least its break is charged.

    So more never costs less in all, nor more by the unit: who is just below a break pays as for
    the break, and who is below the least quantity pays for that.
    """
    tier = min(
        line.tiers,
        key=lambda tier: (max(quantity, tier.quantity) * tier.unit_minor, tier.quantity),
    )
    return Cost(line.number, quantity, max(quantity, tier.quantity), tier, line.setup_minor)


@dataclass(frozen=True, slots=True)
class Priced:
    """A quote over the pooled quantities: ``missing`` are wanted items it does not offer.

    ``total_minor`` is of what it offers; ``completed_minor`` of everything, what is missing taken
    from whoever offers it cheapest, ``None`` if nobody does. ``rank`` is by that.
    """

    quote: TieredQuote
    costs: tuple[Cost, ...]
    missing: tuple[int, ...]
    total_minor: int
    completed_minor: int | None
    rank: int

    @property
    def id(self) -> UUID:
        return self.quote.id


def cheapest(quotes: Sequence[TieredQuote], wanted: Mapping[int, int]) -> dict[int, UUID]:
    """For each wanted item that is offered, the quote by which it costs least.

    As no price spans items, this is also the least total any award by item can reach.
    """
    best: dict[int, UUID] = {}
    for number, quantity in sorted(wanted.items()):
        offers = [
            (cost(line, quantity).total_minor, quote.lead_days, quote.id)
            for quote in quotes
            if (line := quote.line(number)) is not None
        ]
        if quantity and offers:
            best[number] = min(offers)[2]
    return best


def compare(quotes: Sequence[TieredQuote], wanted: Mapping[int, int]) -> list[Priced]:
    """The quotes by what everything wanted costs with them, cheapest first."""
    items = {number: quantity for number, quantity in sorted(wanted.items()) if quantity}
    by_id = {quote.id: quote for quote in quotes}
    least = {
        number: _cost_of(by_id[quote_id], number, items[number]).total_minor
        for number, quote_id in cheapest(quotes, items).items()
    }
    priced = [_priced(quote, items, least) for quote in quotes]
    whole = sorted(
        priced,
        key=lambda one: (
            one.completed_minor is None,
            one.completed_minor or 0,
            len(one.missing),
            one.quote.lead_days,
            one.id,
        ),
    )
    return [
        Priced(one.quote, one.costs, one.missing, one.total_minor, one.completed_minor, rank)
        for rank, one in enumerate(whole, start=1)
    ]


def _priced(quote: TieredQuote, items: Mapping[int, int], least: Mapping[int, int]) -> Priced:
    costs = tuple(
        _cost_of(quote, number, quantity)
        for number, quantity in items.items()
        if quote.line(number) is not None
    )
    missing = tuple(number for number in items if quote.line(number) is None)
    total = sum(one.total_minor for one in costs)
    is_complete = all(number in least for number in missing)
    completed = total + sum(least[number] for number in missing) if is_complete else None
    return Priced(quote, costs, missing, total, completed, 0)


def _cost_of(quote: TieredQuote, number: int, quantity: int) -> Cost:
    line = quote.line(number)
    assert line is not None, "only items it offers are asked for"
    return cost(line, quantity)
