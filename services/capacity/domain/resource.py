"""A resource (资源) of any kind, what it can do and the rules under which its time is sold."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any, ClassVar, Protocol
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from services.contracts.errors import DomainError, ErrorKind
from services.contracts.events.envelope import Audience
from services.contracts.ids import OrganisationId, ResourceId, SiteId

KIND_PATTERN = r"^[a-z][a-z0-9_]{0,39}$"
NAME_MAX = 200
UNITS_MAX = 10_000
MINUTES_MAX = 7 * 24 * 60
"""Longest set-up, buffer or notice: a week."""
HORIZON_DAYS_MAX = 400
QUANTITY_MAX = 1_000_000
"""Most pieces of one job."""
CAPABILITIES_MAX = 50
CODES_MAX = 100
"""Materials or certificates of one capability."""
ATTRIBUTES_MAX = 50
COMPANIONS_MAX = 8
"""Other resources that one resource needs at the same time."""


class Visibility(StrEnum):
    PRIVATE = "private"
    ORGANISATION = "organisation"
    SPACE = "space"
    PARK = "park"
    NDA = "nda"
    PUBLIC = "public"


class InvalidResourceError(DomainError):
    code: ClassVar[str] = "invalid-resource"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "Resource {name!r} cannot be registered: {field} is {value!r}; {wanted}."
    zh: ClassVar[str] = "资源 {name!r} 无法登记：{field} 的值 {value!r} 无效（{wanted}）。"


class UnknownServiceCodeError(DomainError):
    code: ClassVar[str] = "unknown-service-code"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "The taxonomy has no {what} {value!r}; look it up under /taxonomy."
    zh: ClassVar[str] = "分类体系中没有 {what} {value!r}；请在 /taxonomy 中查询。"


class ServiceCatalogue(Protocol):
    """The codes a capability may name; the taxonomy implements it."""

    def knows_process(self, code: str) -> bool: ...

    def knows_material(self, code: str) -> bool: ...

    def knows_certificate(self, kind: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class CapacityRule:
    """How time is sold.

    A booking occupies set-up and then the hours of work; it keeps its buffers clear before and
    after that. Time is offered from ``notice_minutes`` to ``horizon_days`` ahead, for work of
    ``minimum_hours`` or more, and for jobs of ``minimum_quantity`` pieces or more.
    """

    setup_minutes: int = 0
    buffer_before_minutes: int = 0
    buffer_after_minutes: int = 0
    notice_minutes: int = 0
    horizon_days: int = 60
    minimum_hours: float = 0.5
    minimum_quantity: int = 1

    @property
    def setup(self) -> timedelta:
        return timedelta(minutes=self.setup_minutes)

    @property
    def buffer_before(self) -> timedelta:
        return timedelta(minutes=self.buffer_before_minutes)

    @property
    def buffer_after(self) -> timedelta:
        return timedelta(minutes=self.buffer_after_minutes)

    @property
    def notice(self) -> timedelta:
        return timedelta(minutes=self.notice_minutes)

    @property
    def horizon(self) -> timedelta:
        return timedelta(days=self.horizon_days)

    @property
    def minimum(self) -> timedelta:
        return timedelta(hours=self.minimum_hours)

    @property
    def shortest(self) -> timedelta:
        """The least time a booking occupies."""
        return self.setup + self.minimum

    def accompanying(self) -> "CapacityRule":
        """The rule while it accompanies another resource, under whose rule the time is sold.

        Only its buffers count.
        """
        return replace(
            self, setup_minutes=0, notice_minutes=0, horizon_days=HORIZON_DAYS_MAX, minimum_hours=0
        )

    def problem(self) -> tuple[str, object, str] | None:
        """The first field out of range, its value and what is wanted."""
        minutes = f"give 0 to {MINUTES_MAX} minutes"
        for name in ("setup", "buffer_before", "buffer_after", "notice"):
            value = getattr(self, f"{name}_minutes")
            if not 0 <= value <= MINUTES_MAX:
                return f"{name}_minutes", value, minutes
        if not 1 <= self.horizon_days <= HORIZON_DAYS_MAX:
            return "horizon_days", self.horizon_days, f"give 1 to {HORIZON_DAYS_MAX} days"
        if not 0 < self.minimum_hours <= HORIZON_DAYS_MAX * 24:
            return "minimum_hours", self.minimum_hours, "give more than 0, less than the horizon"
        if not 1 <= self.minimum_quantity <= QUANTITY_MAX:
            return "minimum_quantity", self.minimum_quantity, f"give 1 to {QUANTITY_MAX} pieces"
        return None


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate (资质证书) as its holder states it, ``verified_by`` included.

    Matching counts it where its kind and scope are those asked for, and it is valid until the work
    is done.
    """

    kind: str
    scope: str = ""
    number: str = ""
    issuer: str = ""
    valid_to: date | None = None
    verified_by: str = ""


@dataclass(frozen=True, slots=True)
class CapabilityDeclaration:
    """One process a resource performs, and within which limits.

    ``envelope_mm`` is the workpiece it takes (x, y, z); ``tolerance_um`` the best ± value it holds.
    """

    process: str
    materials: tuple[str, ...] = ()
    envelope_mm: tuple[int, int, int] | None = None
    tolerance_um: int | None = None
    certificates: tuple[Certificate, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Companion:
    """``units`` of another resource that each booked unit needs for its whole slot."""

    resource_id: ResourceId
    units: int = 1


@dataclass(frozen=True, slots=True)
class Resource:
    """Something with time to share.

    With ``companions`` (联合占用, such as an operator and a measuring machine) it is bookable only
    while they are free too, and a booking takes them all: ``n`` units take ``n`` times theirs.
    """

    id: ResourceId
    organisation_id: OrganisationId
    site_id: SiteId
    kind: str
    name: str
    name_zh: str
    timezone: str
    units: int
    rule: CapacityRule
    capabilities: tuple[CapabilityDeclaration, ...]
    visibility: Visibility
    created_at: datetime
    park: str | None = None
    """Code of the park (园区) its site stands in."""
    space_id: UUID | None = None
    """The chain space (产业链空间) it is shared in."""
    companions: tuple[Companion, ...] = ()

    @property
    def audience(self) -> Audience:
        """Who may hear of it."""
        return Audience(
            organisation_ids=(self.organisation_id,),
            visibility=self.visibility.value,
            park=self.park,
            space_id=self.space_id,
        )


def check_resource(resource: Resource, catalogue: ServiceCatalogue) -> None:
    """Refuse a resource whose facts cannot be true or cannot be matched.

    Raises:
        InvalidResourceError: a field out of range.
        UnknownServiceCodeError: a code the catalogue does not know.
    """
    problem = _problem(resource)
    if problem is not None:
        field_name, value, wanted = problem
        raise InvalidResourceError(name=resource.name, field=field_name, value=value, wanted=wanted)
    for capability in resource.capabilities:
        _check_codes(capability, catalogue)


def _problem(resource: Resource) -> tuple[str, object, str] | None:
    if re.fullmatch(KIND_PATTERN, resource.kind) is None:
        return "kind", resource.kind, "use lower-case letters, digits and _"
    if not is_timezone(resource.timezone):
        return "timezone", resource.timezone, "name an IANA time zone, e.g. Asia/Shanghai"
    if not 1 <= resource.units <= UNITS_MAX:
        return "units", resource.units, f"give 1 to {UNITS_MAX}"
    if len(resource.capabilities) > CAPABILITIES_MAX:
        return "capabilities", len(resource.capabilities), f"give at most {CAPABILITIES_MAX}"
    for capability in resource.capabilities:
        problem = _capability_problem(capability)
        if problem is not None:
            return problem
    return resource.rule.problem()


def _capability_problem(capability: CapabilityDeclaration) -> tuple[str, object, str] | None:
    if capability.envelope_mm is not None and min(capability.envelope_mm) <= 0:
        return "envelope_mm", capability.envelope_mm, "each side must be above 0"
    if capability.tolerance_um is not None and capability.tolerance_um <= 0:
        return "tolerance_um", capability.tolerance_um, "a ± value must be above 0"
    codes = max(len(capability.materials), len(capability.certificates))
    if codes > CODES_MAX:
        return "materials or certificates", codes, f"give at most {CODES_MAX}"
    return None


def _check_codes(capability: CapabilityDeclaration, catalogue: ServiceCatalogue) -> None:
    unknown: Sequence[tuple[str, str]] = [
        *(
            [("process", capability.process)]
            if not catalogue.knows_process(capability.process)
            else []
        ),
        *(
            ("material", code)
            for code in capability.materials
            if not catalogue.knows_material(code)
        ),
        *(
            ("certificate", certificate.kind)
            for certificate in capability.certificates
            if not catalogue.knows_certificate(certificate.kind)
        ),
    ]
    if unknown:
        what, value = unknown[0]
        raise UnknownServiceCodeError(what=what, value=value)


def is_timezone(name: str) -> bool:
    """Whether ``name`` is an IANA time zone."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
