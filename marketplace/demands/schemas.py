"""Demands as the API takes and shows them."""

import json
from collections.abc import Mapping
from datetime import datetime
from decimal import ROUND_CEILING, Decimal
from typing import Annotated, Any, Final, Self
from uuid import UUID

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from marketplace.demands.domain import (
    CERTIFICATES_MAX,
    TITLE_MAX,
    ChainFacts,
    Demand,
    DemandFacts,
    DemandState,
    Draft,
    ToleranceAsk,
    Vocabulary,
)
from services.capacity.domain import QUANTITY_MAX
from services.contracts.documents import Document, Instant
from services.contracts.ids import OrganisationId
from services.matching.domain import CertificateNeed, Place
from services.matching.ranking import WEIGHT_MAX, Ranking
from services.matching.routing import STEPS_MAX, STOPS_MAX, Objective
from services.matching.transport import DEFAULT_TRANSPORT, Transport
from services.runtime.web import OwnOrganisation

Code = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
MICROMETRES_MAX = 1_000_000
MILLIMETRES_MAX = 1_000_000
MINOR_MAX = 10**13
HOURS_MAX = 10_000
RADIUS_KM_MAX = 20_100
"""Beyond half the Earth's circumference everything is near."""
SPEED_KMH_MAX = 1_000
TRIP_MINUTES_MAX = 60 * 24 * 60
STOPS_DEFAULT = 20
DRAFT_MEMBERS_MAX = 40
DRAFT_BYTES_MAX = 32 * 1024


class WindowIn(Document):
    """[start, end): instants with a time zone."""

    start: Instant
    end: Instant


Weight = Annotated[int, Field(ge=0, le=WEIGHT_MAX)]


class RankingIn(Document):
    """What candidates are ranked by besides their price, in minor units of the demand's currency.

    Nothing but zeros: the price alone.
    """

    per_km_minor: Weight = Field(
        default=0, description="for each km; an unknown place counts as farthest"
    )
    per_hour_minor: Weight = Field(
        default=0, description="for each hour from now until the work is done"
    )
    unreliability_minor: Weight = Field(
        default=0,
        description="what a certain failure would cost; an unknown reliability counts as half",
    )
    per_hour_of_age_minor: Weight = Field(
        default=0, description="for each hour since the twin was last seen, a day at most"
    )
    outside_park_minor: Weight = Field(default=0, description="for what is not in the park")
    park: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = None

    def ranking(self) -> Ranking:
        return Ranking(**self.model_dump())


class MatchIn(Document):
    """How a demand is to be matched."""

    ranking: RankingIn = RankingIn()


class ToleranceIn(Document):
    """Either ``plus_minus_um``, or ``grade`` (IT1 to IT18, or f, m, c, v) with ``nominal_mm``."""

    plus_minus_um: int | None = Field(default=None, le=MICROMETRES_MAX)
    grade: str | None = Field(default=None, max_length=10)
    nominal_mm: float | None = Field(default=None, gt=0, le=MILLIMETRES_MAX)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        by_grade = self.grade is not None and self.nominal_mm is not None
        if (self.plus_minus_um is not None) == by_grade or (
            (self.grade is None) != (self.nominal_mm is None)
        ):
            raise ValueError("give plus_minus_um, or grade together with nominal_mm")
        return self


class CertificateIn(Document):
    """``scope`` empty accepts any."""

    kind: Code
    scope: str | None = Field(default=None, max_length=200)


class PlaceIn(Document):
    latitude: float = Field(ge=-90, le=90)
    longitude: float = Field(ge=-180, le=180)


class WorkIn(Document):
    """One step of work. ``quantity`` counts pieces; ``units`` are wanted at the same time."""

    process: Code
    hours: Decimal = Field(le=HOURS_MAX, decimal_places=4)
    material: Code | None = None
    envelope_mm: tuple[int, int, int] | None = None
    tolerance: ToleranceIn | None = None
    certificates: list[CertificateIn] = Field(default=[], max_length=CERTIFICATES_MAX)
    budget_minor: int | None = Field(default=None, le=MINOR_MAX)
    place: PlaceIn | None = None
    radius_km: int | None = Field(default=None, ge=0, le=RADIUS_KM_MAX)
    quantity: int = Field(default=1, le=QUANTITY_MAX)
    units: int = Field(default=1, le=QUANTITY_MAX)
    measured_only: bool = Field(default=False, description="free time seen on the machine only")

    def asked(
        self,
        vocabulary: Vocabulary,
        organisation_id: OrganisationId,
        *,
        title: str,
        window: WindowIn,
        currency: str,
    ) -> DemandFacts:
        """The work as a demand of the organisation, with its tolerance as a ± value.

        Raises:
            UnknownToleranceError, ToleranceSizeError: the grade says nothing at that size.
        """
        tolerance = self.tolerance
        ask = ToleranceAsk() if tolerance is None else ToleranceAsk(**tolerance.model_dump())
        return DemandFacts(
            organisation_id=organisation_id,
            title=title,
            process=self.process,
            minutes=int((self.hours * 60).to_integral_value(ROUND_CEILING)),
            start=window.start,
            end=window.end,
            material=self.material,
            envelope_mm=self.envelope_mm,
            tolerance_um=ask.resolved(vocabulary),
            certificates=tuple(CertificateNeed(it.kind, it.scope) for it in self.certificates),
            currency=currency,
            budget_minor=self.budget_minor,
            place=_place(self.place),
            radius_km=self.radius_km,
            quantity=self.quantity,
            units=self.units,
            measured_only=self.measured_only,
            nominal_mm=ask.nominal_mm,
        )


def _place(asked: PlaceIn | None) -> Place | None:
    return None if asked is None else Place(asked.latitude, asked.longitude)


class DemandIn(WorkIn):
    """What is asked. ``quantity`` counts pieces; ``units`` are wanted at the same time."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "organisation_id": "01926f6e-7a00-7000-8000-000000000001",
                "title": "Gripper bodies",
                "process": "machining.milling",
                "material": "metal.aluminium.6061",
                "envelope_mm": [180, 120, 60],
                "tolerance": {"grade": "IT7", "nominal_mm": 25},
                "certificates": [{"kind": "iso-9001"}],
                "hours": 4,
                "window": {
                    "start": "2030-03-04T08:00:00+08:00",
                    "end": "2030-03-08T18:00:00+08:00",
                },
                "budget_minor": 300000,
                "place": {"latitude": 30.5, "longitude": 114.4},
                "radius_km": 50,
                "quantity": 20,
            }
        }
    )

    organisation_id: OwnOrganisation = None
    title: str = Field(min_length=1, max_length=TITLE_MAX)
    window: WindowIn
    currency: Currency = "CNY"

    def facts(self, vocabulary: Vocabulary, organisation_id: OrganisationId) -> DemandFacts:
        """The demand of the organisation with its tolerance as a ± value.

        Raises:
            UnknownToleranceError, ToleranceSizeError: the grade says nothing at that size.
        """
        return self.asked(
            vocabulary,
            organisation_id,
            title=self.title,
            window=self.window,
            currency=self.currency,
        )


class TransportIn(Document):
    """How parts travel: the great circle at a speed, and handling each trip.

    Between equal places nothing travels.
    """

    speed_kmh: int = Field(default=DEFAULT_TRANSPORT.speed_kmh, ge=1, le=SPEED_KMH_MAX)
    handling_minutes: int = Field(
        default=DEFAULT_TRANSPORT.handling_minutes, ge=0, le=TRIP_MINUTES_MAX
    )
    unknown_minutes: int = Field(
        default=DEFAULT_TRANSPORT.unknown_minutes,
        ge=0,
        le=TRIP_MINUTES_MAX,
        description="a whole trip from or to a place that is not known",
    )


class RouteIn(Document):
    """A process chain: steps in order, over the same parts, in one window.

    With a destination the parts are there when the window ends; with an origin they are there when
    it begins.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "steps": [
                    {"process": "machining.turning", "hours": 2},
                    {"process": "machining.milling", "hours": 4},
                    {"process": "properties.heat-treatment.hardening", "hours": 8},
                    {"process": "testing.dimensional.cmm", "hours": 1},
                ],
                "window": {
                    "start": "2030-03-04T08:00:00+08:00",
                    "end": "2030-03-15T18:00:00+08:00",
                },
                "destination": {"latitude": 30.5, "longitude": 114.4},
                "objective": "cheapest",
            }
        }
    )

    organisation_id: OwnOrganisation = None
    steps: Annotated[list[WorkIn], Field(min_length=1, max_length=STEPS_MAX)]
    window: WindowIn
    currency: Currency = "CNY"
    origin: PlaceIn | None = None
    destination: PlaceIn | None = None
    objective: Objective = Objective.EARLIEST
    transport: TransportIn = TransportIn()
    candidates: int = Field(
        default=STOPS_DEFAULT, ge=1, le=STOPS_MAX, description="best listings weighed per step"
    )

    def facts(self, vocabulary: Vocabulary, organisation_id: OrganisationId) -> ChainFacts:
        """The chain of the organisation, with its tolerances as ± values.

        Raises:
            UnknownToleranceError, ToleranceSizeError: a grade says nothing at that size.
        """
        return ChainFacts(
            steps=tuple(
                one.asked(
                    vocabulary,
                    organisation_id,
                    title=one.process,
                    window=self.window,
                    currency=self.currency,
                )
                for one in self.steps
            ),
            objective=self.objective,
            origin=_place(self.origin),
            destination=_place(self.destination),
            transport=Transport(**self.transport.model_dump()),
        )


class WindowOut(BaseModel):
    start: datetime
    end: datetime


class CertificateOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    kind: str
    scope: str | None


class PlaceOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    latitude: float
    longitude: float


class DemandOut(BaseModel):
    id: UUID
    organisation_id: UUID
    title: str
    process: str
    hours: float
    window: WindowOut
    material: str | None
    envelope_mm: tuple[int, int, int] | None
    tolerance_um: int | None
    nominal_mm: float | None = Field(description="the size the tolerance is at, as a grade")
    certificates: list[CertificateOut]
    currency: str
    budget_minor: int | None
    place: PlaceOut | None
    radius_km: int | None
    quantity: int
    units: int
    measured_only: bool
    state: DemandState
    created_at: datetime

    @classmethod
    def of(cls, demand: Demand) -> Self:
        facts = demand.facts
        return cls(
            id=demand.id,
            organisation_id=facts.organisation_id,
            title=facts.title,
            process=facts.process,
            hours=facts.minutes / 60,
            window=WindowOut(start=facts.start, end=facts.end),
            material=facts.material,
            envelope_mm=facts.envelope_mm,
            tolerance_um=facts.tolerance_um,
            nominal_mm=facts.nominal_mm,
            certificates=[CertificateOut.model_validate(need) for need in facts.certificates],
            currency=facts.currency,
            budget_minor=facts.budget_minor,
            place=None if facts.place is None else PlaceOut.model_validate(facts.place),
            radius_km=facts.radius_km,
            quantity=facts.quantity,
            units=facts.units,
            measured_only=facts.measured_only,
            state=demand.state,
            created_at=demand.created_at,
        )


class DraftIn(Document):
    """A demand as far as it is said: any members of the body of ``POST /demands``."""

    body: dict[Annotated[str, Field(min_length=1, max_length=40)], Any] = Field(
        max_length=DRAFT_MEMBERS_MAX
    )

    @model_validator(mode="after")
    def _small(self) -> Self:
        if len(json.dumps(self.body)) > DRAFT_BYTES_MAX:
            raise ValueError(f"a draft has at most {DRAFT_BYTES_MAX} bytes")
        return self


class LackOut(BaseModel):
    """What keeps a draft from being published, and where."""

    pointer: str
    code: str
    message: str


class DraftOut(BaseModel):
    id: UUID = Field(description="also that of the demand once it is published")
    organisation_id: UUID
    body: dict[str, Any]
    version: int
    created_at: datetime
    updated_at: datetime
    problems: list[LackOut] = Field(description="empty: it can be published")

    @classmethod
    def of(cls, draft: Draft, *, language: str) -> Self:
        return cls(
            id=draft.id,
            organisation_id=draft.organisation_id,
            body=dict(draft.body),
            version=draft.version,
            created_at=draft.created_at,
            updated_at=draft.updated_at,
            problems=_problems(draft.body, language),
        )


def _problems(body: Mapping[str, Any], language: str) -> list[LackOut]:
    try:
        DemandIn.model_validate_json(json.dumps(body))
    except ValidationError as error:
        return [
            LackOut(
                pointer="".join(f"/{part}" for part in one["loc"]),
                code=one["type"].replace("_", "-"),
                message=told_of(one, language),
            )
            for one in error.errors()
        ]
    return []


def told_of(error: Any, language: str) -> str:
    """What a field lacks, in ``language``."""
    english = str(error["msg"])
    if language != "zh":
        return english
    return FIELD_ZH.get(str(error["type"]), f"不符合要求：{english}")


FIELD_ZH: Final[Mapping[str, str]] = {
    "missing": "必填",
    "extra_forbidden": "未知字段",
    "int_parsing": "应为整数",
    "int_from_float": "应为整数",
    "int_type": "应为整数",
    "float_parsing": "应为数字",
    "decimal_parsing": "应为十进制数",
    "decimal_type": "应为十进制数",
    "string_type": "应为文本",
    "string_too_short": "不能为空",
    "string_too_long": "文本过长",
    "string_pattern_mismatch": "格式不符",
    "timezone_aware": "应带时区",
    "value_error": "应填写公差，或公差等级与公称尺寸",
}


class CellFaultOut(BaseModel):
    """A wrong cell: the row as the file counts it, its column, what is wrong and what to do."""

    row: int
    column: str
    code: str
    message: str


class ImportedRowOut(BaseModel):
    row: int
    demand_id: UUID


class ImportOut(BaseModel):
    imported: list[ImportedRowOut]
    wrong: list[CellFaultOut]


class ImportFacts(BaseModel):
    """What an import is, for recognising its repetition."""

    sha256: str
    rows: str
    timezone: str
