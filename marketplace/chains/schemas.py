"""What chain spaces share, as the API takes and shows it."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from marketplace.chains.domain.orders import ChainOrder, Promise
from marketplace.chains.domain.tracking import (
    FACT_KEY_PATTERN,
    FACT_MAX,
    FACTS_MAX,
    SERIAL_MAX,
    Record,
    RecordKind,
    TrackedProduct,
)
from marketplace.chains.domain.weeks import (
    ITEM_MAX,
    QUANTITY_MAX,
    UNIT_MAX,
    WEEK_PATTERN,
    WEEKS_MAX,
    Bounds,
    Figure,
    FigureKind,
    GapState,
    Line,
    Source,
    WeekGap,
    check_weeks,
)
from services.contracts.documents import Document
from services.contracts.ids import OrganisationId

WeekText = Annotated[str, StringConstraints(pattern=WEEK_PATTERN)]
Item = Annotated[str, StringConstraints(min_length=1, max_length=ITEM_MAX)]
Unit = Annotated[str, StringConstraints(min_length=1, max_length=UNIT_MAX)]
Quantity = Annotated[int, Field(ge=0, le=QUANTITY_MAX)]
FactKey = Annotated[str, StringConstraints(pattern=FACT_KEY_PATTERN)]
FactText = Annotated[str, StringConstraints(min_length=1, max_length=FACT_MAX)]
FactsIn = Annotated[dict[FactKey, FactText], Field(max_length=FACTS_MAX)]
RESOURCES_MAX = 50
FREE_WEEKS_MAX = 13


class WeekIn(Document):
    """Whole units; bounds left out are the quantity itself: it does not bend."""

    week: WeekText
    quantity: Quantity = Field(description="wanted, or agreed")
    lowest: Quantity | None = Field(default=None, description="at least wanted, or there anyhow")
    highest: Quantity | None = Field(default=None, description="at most taken, or possible")

    def bounds(self) -> Bounds:
        return Bounds(
            self.quantity if self.lowest is None else self.lowest,
            self.quantity,
            self.quantity if self.highest is None else self.highest,
        )


class WeeksIn(Document):
    kind: FigureKind = Field(description="demand of oneself as customer; capacity as supplier")
    partner_id: UUID = Field(description="the supplier of a demand, the customer of a capacity")
    item: Item = Field(description="a material, a part, or the code of a process")
    unit: Unit
    weeks: list[WeekIn] = Field(min_length=1, max_length=WEEKS_MAX)

    def line(self) -> Line:
        return Line(self.kind, OrganisationId(self.partner_id), self.item, self.unit)

    def by_week(self) -> dict[str, Bounds]:
        """The bounds of each week.

        Raises:
            WeekTwiceError: a week is given twice.
        """
        given = [(one.week, one.bounds()) for one in self.weeks]
        check_weeks(given)
        return dict(given)


class FreeTimeIn(Document):
    """Capacity in unit-minutes from the free time of own resources."""

    partner_id: UUID
    item: Item
    resource_ids: list[UUID] = Field(min_length=1, max_length=RESOURCES_MAX)
    weeks: list[WeekText] = Field(min_length=1, max_length=FREE_WEEKS_MAX)


class BoundsOut(BaseModel):
    lowest: int
    quantity: int
    highest: int

    @classmethod
    def of(cls, bounds: Bounds) -> Self:
        return cls.model_validate(bounds, from_attributes=True)


class WeekFigureOut(BaseModel):
    id: UUID
    organisation_id: UUID = Field(description="whose figure it is")
    space_id: UUID
    partner_id: UUID
    kind: FigureKind
    item: str
    unit: str
    week: str
    lowest: int
    quantity: int
    highest: int
    source: Source
    version: int
    created_at: datetime

    @classmethod
    def of(cls, figure: Figure) -> Self:
        return cls(
            id=figure.id,
            organisation_id=figure.organisation_id,
            space_id=figure.space_id,
            partner_id=figure.line.partner_id,
            kind=figure.line.kind,
            item=figure.line.item,
            unit=figure.line.unit,
            week=figure.week,
            lowest=figure.bounds.lowest,
            quantity=figure.bounds.quantity,
            highest=figure.bounds.highest,
            source=figure.source,
            version=figure.version,
            created_at=figure.created_at,
        )


class WeekFiguresOut(BaseModel):
    items: list[WeekFigureOut]

    @classmethod
    def of(cls, figures: list[Figure]) -> Self:
        return cls(items=[WeekFigureOut.of(one) for one in figures])


class WeekGapOut(BaseModel):
    customer_id: UUID
    supplier_id: UUID
    unit: str
    week: str
    demand: BoundsOut | None
    capacity: BoundsOut | None
    state: GapState
    over_agreed: int | None
    over_maximum: int | None
    unavoidable: int | None = Field(description="missing even when both sides bend all the way")
    spare: int | None

    @classmethod
    def of(cls, gap: WeekGap) -> Self:
        return cls(
            customer_id=gap.customer_id,
            supplier_id=gap.supplier_id,
            unit=gap.unit,
            week=gap.week,
            demand=None if gap.demand is None else BoundsOut.of(gap.demand),
            capacity=None if gap.capacity is None else BoundsOut.of(gap.capacity),
            state=gap.state,
            over_agreed=gap.over_agreed,
            over_maximum=gap.over_maximum,
            unavoidable=gap.unavoidable,
            spare=gap.spare,
        )


class WeekGapsOut(BaseModel):
    item: str
    items: list[WeekGapOut]

    @classmethod
    def of(cls, item: str, gaps: list[WeekGap]) -> Self:
        return cls(item=item, items=[WeekGapOut.of(gap) for gap in gaps])


class TrackedProductIn(Document):
    item: Item
    serial: Annotated[str, StringConstraints(min_length=1, max_length=SERIAL_MAX)] = Field(
        description="of the piece, or of the batch"
    )
    facts: FactsIn = Field(default_factory=dict, description="how it was made")


class TrackedProductOut(BaseModel):
    id: UUID
    organisation_id: UUID = Field(description="who made it")
    space_id: UUID
    item: str
    serial: str
    created_at: datetime

    @classmethod
    def of(cls, product: TrackedProduct) -> Self:
        return cls.model_validate(product, from_attributes=True)


class ProductRecordIn(Document):
    kind: RecordKind
    facts: FactsIn = Field(default_factory=dict)


class ProductRecordOut(BaseModel):
    id: UUID
    organisation_id: UUID = Field(description="whose record it is")
    product_id: UUID
    position: int
    kind: RecordKind
    facts: dict[str, str]
    created_at: datetime
    prior_sha256: str | None
    sha256: str

    @classmethod
    def of(cls, record: Record) -> Self:
        return cls.model_validate(record, from_attributes=True)


class ProductRecordsOut(BaseModel):
    """``intact``: every record's hash follows from the ones before."""

    product: TrackedProductOut
    intact: bool
    items: list[ProductRecordOut]


class ChainOrderOut(BaseModel):
    """Neither prices nor papers: those stay between the parties."""

    id: UUID
    order_id: UUID
    organisation_id: UUID = Field(description="who buys")
    supplier_id: UUID
    space_id: UUID
    state: str
    at_risk: bool
    needed_by: datetime | None
    accepted_at: datetime | None
    promise: Promise
    linked_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, order: ChainOrder, now: datetime) -> Self:
        return cls(
            id=order.id,
            order_id=order.order_id,
            organisation_id=order.organisation_id,
            supplier_id=order.supplier_id,
            space_id=order.space_id,
            state=order.state,
            at_risk=order.at_risk,
            needed_by=order.needed_by,
            accepted_at=order.accepted_at,
            promise=order.promise(now),
            linked_at=order.linked_at,
            updated_at=order.updated_at,
        )
