"""Inspection reports."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, Field

from marketplace.deals.domain.inspecting import (
    CHARACTERISTICS_MAX,
    MEASURED_MAX,
    Characteristic,
    Inspection,
    Sampled,
)
from marketplace.deals.domain.requests import LINES_MAX, QUANTITY_MAX, TITLE_MAX
from marketplace.deals.domain.sampling import Aql, Severity
from services.contracts.documents import Document

Figure = Annotated[Decimal, Field(max_digits=18, decimal_places=9)]
Tolerance = Annotated[Decimal, Field(max_digits=18, decimal_places=9, ge=0)]


class SampledIn(Document):
    """What was found of one severity, measured characteristics apart."""

    severity: Severity
    aql: Aql
    inspected: int = Field(ge=1, le=QUANTITY_MAX)
    defects: int = Field(ge=0, le=QUANTITY_MAX, description="nonconforming items of them")


class CharacteristicIn(Document):
    """A dimension or property; measured items out of tolerance count as nonconforming."""

    name: str = Field(min_length=1, max_length=TITLE_MAX)
    nominal: Figure
    lower: Tolerance = Field(description="how far below nominal it may be")
    upper: Tolerance = Field(description="how far above")
    unit: str = Field(min_length=1, max_length=40)
    severity: Severity
    measured: list[Figure] = Field(min_length=1, max_length=MEASURED_MAX)


class InspectionIn(Document):
    """A report on ``lot`` items of a line, sampled by ISO 2859-1, general level II, normal."""

    line: int = Field(ge=1, le=LINES_MAX)
    lot: int = Field(ge=1, le=QUANTITY_MAX)
    sampled: list[SampledIn] = Field(min_length=1, max_length=len(Severity))
    characteristics: list[CharacteristicIn] = Field(default=[], max_length=CHARACTERISTICS_MAX)

    def samples(self) -> list[Sampled]:
        return [Sampled(**one.model_dump()) for one in self.sampled]

    def measurements(self) -> list[Characteristic]:
        return [
            Characteristic(**one.model_dump() | {"measured": tuple(one.measured)})
            for one in self.characteristics
        ]


class PlanOut(BaseModel):
    letter: str = Field(description="code letter of the sample size")
    sample: int
    accept: int = Field(description="nonconforming items up to which the lot passes")


class FindingOut(BaseModel):
    severity: Severity
    plan: PlanOut
    inspected: int
    found: int
    passed: bool


class CharacteristicOut(BaseModel):
    name: str
    nominal: Decimal
    lower: Decimal
    upper: Decimal
    unit: str
    severity: Severity
    measured: list[Decimal]
    outside: int = Field(description="measured items out of tolerance")


class InspectionOut(BaseModel):
    """A report and the verdict computed from it: it passes when every finding does."""

    id: UUID
    order_id: UUID
    line: int
    lot: int
    inspected_by: UUID
    passed: bool
    findings: list[FindingOut]
    characteristics: list[CharacteristicOut]
    created_at: datetime

    @classmethod
    def of(cls, inspection: Inspection) -> Self:
        return cls.model_validate(inspection, from_attributes=True)
