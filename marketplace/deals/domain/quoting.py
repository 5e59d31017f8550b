"""Quotes (报价): price documents evaluated to minor units, lead time, validity, slots."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from fractions import Fraction
from typing import Annotated, ClassVar, Final
from uuid import UUID

from marketplace.deals.domain.lifecycle import Guard
from marketplace.deals.domain.requests import Deal, Line
from marketplace.offers.pricing import Price, PriceLine
from services.contracts.confidentiality import CONFIDENTIAL
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import JointId, OfferId, OrganisationId, ResourceId
from services.contracts.money import Money

PERMILLE: Final = 1_000
SHARE_WHOLE: Final = 10_000
"""Basis points: what the shares of milestones sum to."""
AMOUNT_MAX: Final = 10**13
TIERS_MAX: Final = 20
MILESTONES_MAX: Final = 20
LEAD_DAYS_MAX: Final = 3_660


class QuoteInvalidError(DomainError):
    code: ClassVar[str] = "quote-invalid"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "This quote cannot be given: {en}; change {field}."
    zh: ClassVar[str] = "无法提交该报价：{zh}；请修改 {field}。"


class QuoteState(StrEnum):
    SUBMITTED = "submitted"
    SUPERSEDED = "superseded"
    """Its supplier has quoted anew."""
    OUTDATED = "outdated"
    """The request was revised since."""
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    LOST = "lost"
    ACCEPTED = "accepted"


@dataclass(frozen=True, slots=True)
class Tier:
    """From ``quantity`` on, each piece costs ``unit_minor``."""

    quantity: int
    unit_minor: int


@dataclass(frozen=True, slots=True)
class PriceDocument:
    """Per piece by tier, material per piece, set-up once, a surcharge, never below the minimum.

    Amounts are in minor units, none negative; ``surcharge_permille`` is of everything before it.
    """

    unit_minor: int
    tiers: tuple[Tier, ...] = ()
    material_minor: int = 0
    setup_minor: int = 0
    surcharge_permille: int = 0
    minimum_minor: int = 0

    def evaluate(self, *, quantity: int, currency: str) -> Price:
        """What ``quantity`` pieces cost, and by which rules; the lines sum to the total."""
        reached = [tier for tier in self.tiers if quantity >= tier.quantity]
        unit = max(reached, key=lambda tier: tier.quantity).unit_minor if reached else None
        pieces = quantity * (self.unit_minor if unit is None else unit)
        material = quantity * self.material_minor
        before = pieces + material + self.setup_minor
        share = Fraction(self.surcharge_permille, PERMILLE)
        surcharge = Money(before, currency).times(share).minor
        raised = max(0, self.minimum_minor - before - surcharge)
        lines = (
            PriceLine("pieces", pieces),
            PriceLine("material", material),
            PriceLine("setup", self.setup_minor),
            PriceLine("surcharge", surcharge),
            PriceLine("minimum", raised),
        )
        total = Money(before + surcharge + raised, currency)
        return Price(total, tuple(line for line in lines if line.amount_minor))


@dataclass(frozen=True, slots=True)
class QuoteLine:
    """What one line of the request costs, by which document, and how that came about."""

    number: int
    description: str
    quantity: int
    unit: str
    document: PriceDocument
    amount_minor: int
    trace: tuple[PriceLine, ...]


@dataclass(frozen=True, slots=True)
class Slot:
    """Time of a resource of the supplier's, under one of its offers, that it quotes for."""

    resource_id: ResourceId
    offer_id: OfferId
    start: datetime
    minutes: int
    units: int = 1


@dataclass(frozen=True, slots=True)
class MilestoneTerm:
    """``share`` in basis points of the total, to be paid when due."""

    title: str
    share: int
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Quote:
    """What a supplier offers for a revision of a request; each later one has the next version.

    ``joint_id`` names the joint booking by which its slots are held.
    """

    id: UUID
    organisation_id: OrganisationId
    supplier_id: OrganisationId
    deal_id: UUID
    bid_id: UUID
    revision: int
    version: int
    state: QuoteState
    currency: str
    lines: Annotated[tuple[QuoteLine, ...], CONFIDENTIAL]
    total_minor: Annotated[int, CONFIDENTIAL]
    lead_days: int
    valid_until: datetime
    slots: tuple[Slot, ...]
    milestones: tuple[MilestoneTerm, ...]
    note: Annotated[str, CONFIDENTIAL]
    created_at: datetime
    joint_id: JointId | None = None
    hold_until: datetime | None = None

    def guards(self, deal: Deal, now: datetime) -> frozenset[Guard]:
        """Whether it may be relied on: live, of the present revision, and not over."""
        holds = (
            self.state is QuoteState.SUBMITTED
            and self.revision == deal.revision
            and now < self.valid_until
        )
        return frozenset({Guard.VALID} if holds else ())


def priced(
    lines: Sequence[Line], documents: Sequence[PriceDocument], *, currency: str
) -> tuple[QuoteLine, ...]:
    """Each line of a request by its price document.

    Raises:
        QuoteInvalidError: not one document for each line.
    """
    if len(lines) != len(documents):
        raise QuoteInvalidError(
            field="lines",
            en=f"it prices {len(documents)} of {len(lines)} lines",
            zh=f"报价 {len(documents)} 行，询价共 {len(lines)} 行",
        )
    return tuple(_priced(*pair, currency) for pair in zip(lines, documents, strict=True))


def _priced(line: Line, document: PriceDocument, currency: str) -> QuoteLine:
    price = document.evaluate(quantity=line.quantity, currency=currency)
    return QuoteLine(
        number=line.number,
        description=line.description,
        quantity=line.quantity,
        unit=line.unit,
        document=document,
        amount_minor=price.total.minor,
        trace=tuple(price.lines),
    )


def check_quote(
    *, total_minor: int, valid_until: datetime, milestones: Sequence[MilestoneTerm], now: datetime
) -> None:
    """Refuse a quote nobody could award.

    Raises:
        QuoteInvalidError: free of charge or too dear, over, or shares that are no whole.
    """
    whole = sum(one.share for one in milestones)
    checks = (
        (0 < total_minor <= AMOUNT_MAX, "lines", f"it comes to {total_minor} minor units",
         f"总额为 {total_minor} 最小货币单位"),
        (valid_until > now, "valid_until", "it is over already", "有效期已过"),
        (not milestones or whole == SHARE_WHOLE, "milestones",
         f"the shares sum to {whole}, not {SHARE_WHOLE}", f"比例合计 {whole}，应为 {SHARE_WHOLE}"),
    )  # fmt: skip
    for holds, field, en, zh in checks:
        if not holds:
            raise QuoteInvalidError(field=field, en=en, zh=zh)


def split(total_minor: int, shares: Sequence[int]) -> tuple[int, ...]:
    """``total_minor`` by ``shares`` of ``SHARE_WHOLE``: whole minor units that sum to the total."""
    amounts, reached, paid = [], 0, 0
    for share in shares:
        reached += share
        upto = total_minor * reached // SHARE_WHOLE
        amounts.append(upto - paid)
        paid = upto
    return tuple(amounts)
