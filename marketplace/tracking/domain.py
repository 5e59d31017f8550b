"""Samples (样品), accredited test reports (检测报告) and handovers of goods (交接)."""

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, ClassVar, Final
from uuid import UUID

from services.booking.domain import Booking, BookingState
from services.capacity.domain import Certificate, Resource
from services.contracts.confidentiality import CONFIDENTIAL
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import BookingId, OrganisationId

LABEL_MAX: Final = 200
TEXT_MAX: Final = 4_000
NUMBER_MAX: Final = 60
METHOD_MAX: Final = 120
CODE_BYTES: Final = 10
"""Of a report's verification code: 80 bits, which nobody guesses."""
TESTING: Final = "testing"
LOGISTICS: Final = "logistics"
"""Groups of the process taxonomy."""


class BookingUnfitError(DomainError):
    code: ClassVar[str] = "booking-not-trackable"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Booking {booking_id} is {state} and of {what}; {wanted}."
    zh: ClassVar[str] = "预订 {booking_id} 当前为 {state}，内容为 {what}；{wanted_zh}。"


class AccreditationError(DomainError):
    """A mark that no certificate of the laboratory allows for the method on that day."""

    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT


class OutOfScopeError(AccreditationError):
    code: ClassVar[str] = "method-out-of-scope"
    en: ClassVar[str] = (
        "The laboratory's {mark} does not cover {method!r}; its scope is: {known}. Ask for another"
        " method, laboratory or mark."
    )
    zh: ClassVar[str] = (
        "该实验室的 {mark} 不覆盖方法 {method!r}；其范围为：{known}。请更换方法、实验室或标识。"
    )


class AccreditationExpiredError(AccreditationError):
    code: ClassVar[str] = "accreditation-expired"
    en: ClassVar[str] = (
        "The laboratory's {mark} {number} covers {method!r} until {valid_to}, and the test ends on"
        " {day}; book earlier or elsewhere."
    )
    zh: ClassVar[str] = (
        "该实验室的 {mark} {number} 对 {method!r} 的有效期至 {valid_to}，而试验于 {day} 结束；"
        "请提前预订或更换实验室。"
    )


class SampleRefusedError(DomainError):
    code: ClassVar[str] = "sample-move-refused"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Sample {sample_id} is {state}; to be {to} it must be {sources}."
    zh: ClassVar[str] = "样品 {sample_id} 当前为 {state}；变为 {to} 要求其为 {sources}。"


class HandoverRefusedError(DomainError):
    code: ClassVar[str] = "handover-refused"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Booking {booking_id} is not {kind} now: {en}."
    zh: ClassVar[str] = "预订 {booking_id} 此时不能登记 {kind}：{zh}。"


class Mark(StrEnum):
    """What a report may bear, if a certificate of the laboratory covers its method."""

    CNAS = "cnas"
    CMA = "cma"


CERTIFICATE_OF: Final[Mapping[Mark, str]] = {Mark.CNAS: "iso-17025", Mark.CMA: "cma"}
"""The kind of certificate a mark stands for."""


class SampleState(StrEnum):
    REGISTERED = "registered"
    RECEIVED = "received"
    IN_TEST = "in_test"
    REPORTED = "reported"
    RETURNED = "returned"
    DISPOSED = "disposed"


SOURCES: Final[Mapping[SampleState, tuple[SampleState, ...]]] = {
    SampleState.RECEIVED: (SampleState.REGISTERED,),
    SampleState.IN_TEST: (SampleState.RECEIVED,),
    SampleState.REPORTED: (SampleState.IN_TEST,),
    SampleState.RETURNED: (SampleState.RECEIVED, SampleState.REPORTED),
    SampleState.DISPOSED: (SampleState.RECEIVED, SampleState.REPORTED),
}
"""All by the laboratory; a trigger of the database says the same."""


class TestOutcome(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    NO_STATEMENT = "no_statement"
    """Values without a statement of conformity."""


@dataclass(frozen=True, slots=True)
class Accreditation:
    """The certificate that covered the method when the sample was registered."""

    mark: Mark
    kind: str
    number: str
    issuer: str
    scope: str
    valid_to: date | None


@dataclass(frozen=True, slots=True)
class Sample:
    """What is sent in for a booked test; ``method`` is what it is tested by, e.g. GB/T 228.1."""

    id: UUID
    organisation_id: OrganisationId
    laboratory_id: OrganisationId
    booking_id: BookingId
    label: Annotated[str, CONFIDENTIAL]
    method: str
    accreditations: tuple[Accreditation, ...]
    state: SampleState
    version: int
    created_at: datetime
    updated_at: datetime

    @property
    def parties(self) -> tuple[OrganisationId, OrganisationId]:
        return self.organisation_id, self.laboratory_id


@dataclass(frozen=True, slots=True)
class SampleStep:
    """When a sample came to a state, by whose hand. Never changed."""

    id: UUID
    sample_id: UUID
    state: SampleState
    organisation_id: OrganisationId
    """Who says so: the buyer of its registration, the laboratory of the rest."""
    actor_id: UUID | None
    note: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Report:
    """A report of one sample; whoever knows ``number`` and ``code`` may verify it.

    ``sha256`` is of the file both parties hold, ``marks`` what its accreditations allow.
    """

    id: UUID
    organisation_id: OrganisationId
    laboratory_id: OrganisationId
    sample_id: UUID
    number: str
    code: Annotated[str, CONFIDENTIAL]
    method: str
    accreditations: tuple[Accreditation, ...]
    outcome: Annotated[TestOutcome, CONFIDENTIAL]
    sha256: str
    issued_at: datetime

    @property
    def marks(self) -> tuple[Mark, ...]:
        return tuple(one.mark for one in self.accreditations)


class HandoverKind(StrEnum):
    PICKED_UP = "picked_up"
    DELIVERED = "delivered"


@dataclass(frozen=True, slots=True)
class Handover:
    """Goods passed on: said by the carrier, confirmed by the buyer."""

    id: UUID
    organisation_id: OrganisationId
    carrier_id: OrganisationId
    booking_id: BookingId
    kind: HandoverKind
    place: str
    note: str
    actor_id: UUID | None
    at: datetime
    confirmed_by: UUID | None = None
    confirmed_at: datetime | None = None

    @property
    def parties(self) -> tuple[OrganisationId, OrganisationId]:
        return self.organisation_id, self.carrier_id


def check_booking(booking: Booking, resource: Resource, group: str) -> None:
    """Refuse a booking that is not firm, or not of such work.

    Raises:
        BookingUnfitError: it is not.
    """
    processes = [one.process for one in resource.capabilities]
    of_group = any(one == group or one.startswith(f"{group}.") for one in processes)
    firm = booking.state in {BookingState.CONFIRMED, BookingState.STARTED, BookingState.FINISHED}
    if not (of_group and firm):
        raise BookingUnfitError(
            booking_id=booking.id,
            state=booking.state,
            what=", ".join(processes) or "nothing",
            wanted=f"choose a confirmed booking of {group}",
            wanted_zh=f"请选择已确认的 {group} 预订",
        )


def accreditations(
    resource: Resource, method: str, marks: Iterable[Mark], *, day: date
) -> tuple[Accreditation, ...]:
    """The certificate for each mark that covers ``method`` and is valid on ``day``.

    Raises:
        OutOfScopeError: none covers the method.
        AccreditationExpiredError: those that do are not valid until then.
    """
    held = [one for capability in resource.capabilities for one in capability.certificates]
    return tuple(_accredited(held, method, mark, day) for mark in sorted(set(marks)))


def _accredited(held: Sequence[Certificate], method: str, mark: Mark, day: date) -> Accreditation:
    of_kind = [one for one in held if one.kind == CERTIFICATE_OF[mark]]
    covering = [one for one in of_kind if one.scope == method]
    if not covering:
        known = ", ".join(sorted({one.scope for one in of_kind})) or "–"
        raise OutOfScopeError(mark=mark.upper(), method=method, known=known)
    best = max(covering, key=lambda one: one.valid_to or date.max)
    if best.valid_to is not None and best.valid_to < day:
        raise AccreditationExpiredError(
            mark=mark.upper(),
            number=best.number,
            method=method,
            valid_to=best.valid_to.isoformat(),
            day=day.isoformat(),
        )
    return Accreditation(mark, best.kind, best.number, best.issuer, best.scope, best.valid_to)


def moved(sample: Sample, to: SampleState, *, now: datetime) -> Sample:
    """The sample at its next state.

    Raises:
        SampleRefusedError: it is in no state that comes before.
    """
    if sample.state not in SOURCES[to]:
        raise SampleRefusedError(
            sample_id=sample.id, state=sample.state, to=to, sources=", ".join(SOURCES[to])
        )
    return replace(sample, state=to, version=sample.version + 1, updated_at=now)


def check_handover(booking: Booking, kind: HandoverKind, known: Iterable[Handover]) -> None:
    """Each once, and delivered only what was picked up.

    Raises:
        HandoverRefusedError: it is not so.
    """
    kinds = {one.kind for one in known}
    if kind in kinds:
        raise HandoverRefusedError(
            booking_id=booking.id, kind=kind, en="it was said before", zh="已登记"
        )
    if kind is HandoverKind.DELIVERED and HandoverKind.PICKED_UP not in kinds:
        raise HandoverRefusedError(
            booking_id=booking.id, kind=kind, en="nothing was picked up", zh="尚未取货"
        )


def code_of(drawn: bytes) -> str:
    """A verification code as it is printed: groups of five hexadecimal digits."""
    text = drawn.hex().upper()
    return "-".join(text[at : at + 5] for at in range(0, len(text), 5))


def proof_of(number: str, code: str) -> bytes:
    """What a report is found by; typed with spaces or in small letters it is the same."""
    plain = code.replace("-", "").replace(" ", "").upper()
    return hmac.digest(plain.encode(), number.strip().encode(), hashlib.sha256)
