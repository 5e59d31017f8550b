"""A demand: refused when nothing could ever meet it, turned into a requirement otherwise."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Final, Protocol

from services.contracts.confidentiality import CONFIDENTIAL
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import DemandId, OrganisationId
from services.contracts.intervals import Interval
from services.matching.domain import Aspect, CertificateNeed, Place, Requirement, Step, Value
from services.matching.ranking import METRES_PER_KM
from services.matching.routing import ChainAsked, Objective
from services.matching.transport import DEFAULT_TRANSPORT, Transport

TITLE_MAX: Final = 200
CERTIFICATES_MAX: Final = 20


class InvalidDemandError(DomainError):
    """A demand that nothing could meet; the subclass says which fact is wrong."""

    kind: ClassVar[ErrorKind] = ErrorKind.INVALID


class WindowEndsBeforeStartError(InvalidDemandError):
    code: ClassVar[str] = "window-ends-before-start"
    en: ClassVar[str] = "The window ends at {end}, not after its start {start}; swap or move them."
    zh: ClassVar[str] = "时间窗的结束 {end} 不晚于开始 {start}；请调整。"


class WindowInPastError(InvalidDemandError):
    code: ClassVar[str] = "window-in-past"
    en: ClassVar[str] = "The window ended at {end} and it is {now} now; ask for a later one."
    zh: ClassVar[str] = "时间窗已于 {end} 结束，现在是 {now}；请选择更晚的时间窗。"


class WindowTooShortError(InvalidDemandError):
    code: ClassVar[str] = "window-too-short"
    en: ClassVar[str] = (
        "What is left of the window is {available:g} h and {needed:g} h are asked; widen the window"
        " or ask for less."
    )
    zh: ClassVar[str] = (
        "时间窗剩余 {available:g} 小时，需要 {needed:g} 小时；请放宽时间窗或减少时长。"
    )


class HoursNotPositiveError(InvalidDemandError):
    code: ClassVar[str] = "hours-not-positive"
    en: ClassVar[str] = "{hours:g} h are asked; ask for at least one minute."
    zh: ClassVar[str] = "所需时长为 {hours:g} 小时；至少为一分钟。"


class NegativeBudgetError(InvalidDemandError):
    code: ClassVar[str] = "negative-budget"
    en: ClassVar[str] = "The budget is {budget_minor}; give zero or more, or leave it out."
    zh: ClassVar[str] = "预算为 {budget_minor}；请填写零或正数，或不填。"


class EnvelopeNotPositiveError(InvalidDemandError):
    code: ClassVar[str] = "envelope-not-positive"
    en: ClassVar[str] = "The part measures {envelope} mm; every edge must be at least 1 mm."
    zh: ClassVar[str] = "工件尺寸为 {envelope} mm；每条边至少 1 mm。"


class ToleranceNotPositiveError(InvalidDemandError):
    code: ClassVar[str] = "tolerance-not-positive"
    en: ClassVar[str] = "A tolerance of ±{tolerance_um} µm cannot be held; give at least ±1 µm."
    zh: ClassVar[str] = "公差 ±{tolerance_um} µm 无法保证；至少为 ±1 µm。"


class QuantityTooSmallError(InvalidDemandError):
    code: ClassVar[str] = "quantity-too-small"
    en: ClassVar[str] = "{what} is {value}; ask for at least one."
    zh: ClassVar[str] = "{what} 为 {value}；至少为一。"


class RadiusWithoutPlaceError(InvalidDemandError):
    code: ClassVar[str] = "radius-without-place"
    en: ClassVar[str] = "A radius of {radius_km} km needs a place to measure it from; give one."
    zh: ClassVar[str] = "半径 {radius_km} km 需要一个中心位置；请给出地点。"


class StepInvalidError(InvalidDemandError):
    code: ClassVar[str] = "chain-step-invalid"
    en: ClassVar[str] = "Step {step}: {en}"
    zh: ClassVar[str] = "第 {step} 道工序：{zh}"


class DraftVersionMismatchError(DomainError):
    code: ClassVar[str] = "demand-draft-version-mismatch"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "Draft {draft_id} is at version {version}, not {expected}; read it again and retry."
    )
    zh: ClassVar[str] = "草稿 {draft_id} 的版本为 {version}，而非 {expected}；请重新读取后再试。"


class DemandState(StrEnum):
    OPEN = "open"
    MATCHED = "matched"


class Vocabulary(Protocol):
    """What a demand's codes are checked against and widened by; the taxonomy implements it."""

    def expand_process(self, code: str) -> frozenset[str]: ...

    def expand_material(self, code: str) -> frozenset[str]: ...

    def require_certificate(self, kind: str) -> object: ...

    def tolerance_um(self, grade: str, nominal_mm: float) -> int: ...


@dataclass(frozen=True, slots=True)
class ToleranceAsk:
    """Either ± micrometres, or a grade or class at a nominal size."""

    plus_minus_um: int | None = None
    grade: str | None = None
    nominal_mm: float | None = None

    def resolved(self, vocabulary: Vocabulary) -> int | None:
        """± micrometres.

        Raises:
            UnknownToleranceError, ToleranceSizeError: the grade says nothing at that size.
        """
        if self.grade is None or self.nominal_mm is None:
            return self.plus_minus_um
        return vocabulary.tolerance_um(self.grade, self.nominal_mm)


@dataclass(frozen=True, slots=True)
class DemandFacts:
    """What the buyer says.

    ``tolerance_um`` is ±, ``nominal_mm`` the size at which it was asked as a grade; ``quantity``
    counts pieces, ``units`` how many of the resource's units (seats, places) are wanted at the same
    time.
    """

    organisation_id: OrganisationId
    title: str
    process: str
    minutes: int
    start: datetime
    end: datetime
    material: str | None = None
    envelope_mm: tuple[int, int, int] | None = None
    tolerance_um: int | None = None
    certificates: tuple[CertificateNeed, ...] = ()
    currency: str = "CNY"
    budget_minor: Annotated[int | None, CONFIDENTIAL] = None
    place: Place | None = None
    radius_km: int | None = None
    quantity: int = 1
    units: int = 1
    measured_only: bool = False
    nominal_mm: float | None = None

    def requirement(self, vocabulary: Vocabulary) -> Requirement:
        """What matching is asked: the codes widened by the vocabulary."""
        material = self.material
        return Requirement(
            processes=vocabulary.expand_process(self.process),
            minutes=self.minutes,
            window=Interval(self.start, self.end),
            materials=vocabulary.expand_material(material) if material else frozenset(),
            envelope_mm=self.envelope_mm,
            tolerance_um=self.tolerance_um,
            certificates=frozenset(self.certificates),
            units=self.units,
            currency=self.currency,
            budget_minor=self.budget_minor,
            place=self.place,
            radius_km=self.radius_km,
            measured_only=self.measured_only,
            nominal_mm=self.nominal_mm,
            quantity=self.quantity,
        )


def relaxed(facts: DemandFacts, steps: Sequence[Step]) -> DemandFacts:
    """``facts`` with the steps of a relaxation of their requirement taken."""
    for step in steps:
        facts = replace(facts, **_changed(facts, step))
    return facts


def _changed(facts: DemandFacts, step: Step) -> dict[str, Any]:
    if step.aspect is Aspect.CERTIFICATE:
        kept = (need for need in facts.certificates if need.label != step.asked)
        return {"certificates": tuple(kept)}
    field, read = _EASED[step.aspect]
    return {field: read(step.eased)}


def _as_told(eased: Value) -> object:
    return eased


def _instant(eased: Value) -> datetime:
    return datetime.fromisoformat(str(eased))


_EASED: Final[Mapping[Aspect, tuple[str, Callable[[Value], object]]]] = MappingProxyType(
    {
        Aspect.TOLERANCE: ("tolerance_um", _as_told),
        Aspect.RADIUS: ("radius_km", lambda metres: metres and int(metres) // METRES_PER_KM),
        Aspect.WINDOW_END: ("end", _instant),
        Aspect.WINDOW_START: ("start", _instant),
        Aspect.BUDGET: ("budget_minor", _as_told),
        Aspect.MATERIAL: ("material", _as_told),
        Aspect.UNITS: ("units", _as_told),
        Aspect.QUANTITY: ("quantity", _as_told),
        Aspect.HOURS: ("minutes", _as_told),
        Aspect.MEASURED_ONLY: ("measured_only", bool),
    }
)
"""The fact each aspect of a relaxation changes, and what it becomes."""


@dataclass(frozen=True, slots=True)
class Demand:
    id: DemandId
    facts: DemandFacts
    state: DemandState
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Draft:
    """What was said so far of a demand, whole or not (草稿)."""

    id: DemandId
    organisation_id: OrganisationId
    body: Annotated[Mapping[str, Any], CONFIDENTIAL]
    version: int
    created_at: datetime
    updated_at: datetime


def redrafted(
    draft: Draft, body: Mapping[str, Any], *, expected: int | None, now: datetime
) -> Draft:
    """The next version of a draft.

    Raises:
        DraftVersionMismatchError: it moved on since it was read.
    """
    if expected is not None and expected != draft.version:
        raise DraftVersionMismatchError(draft_id=draft.id, version=draft.version, expected=expected)
    return replace(draft, body=body, version=draft.version + 1, updated_at=now)


@dataclass(frozen=True, slots=True)
class ChainFacts:
    """What the buyer says of a chain of work over the same parts: a demand per step, in order."""

    steps: tuple[DemandFacts, ...]
    objective: Objective = Objective.EARLIEST
    origin: Place | None = None
    destination: Place | None = None
    transport: Transport = DEFAULT_TRANSPORT

    def asked(self, vocabulary: Vocabulary) -> ChainAsked:
        """What routing is asked."""
        return ChainAsked(
            steps=tuple(one.requirement(vocabulary) for one in self.steps),
            objective=self.objective,
            origin=self.origin,
            destination=self.destination,
            transport=self.transport,
        )


def check_chain(chain: ChainFacts, vocabulary: Vocabulary, *, now: datetime) -> None:
    """Refuse a step that nothing could ever meet.

    Raises:
        StepInvalidError: which step, and what is wrong with it.
    """
    for number, facts in enumerate(chain.steps, start=1):
        try:
            check_facts(facts, vocabulary, now=now)
        except DomainError as error:
            raise StepInvalidError(
                step=number, steps=[number], en=error.text("en"), zh=error.text("zh")
            ) from error


def check_facts(facts: DemandFacts, vocabulary: Vocabulary, *, now: datetime) -> None:
    """Refuse what nothing could ever meet.

    Raises:
        UnknownTermError: a code the vocabulary does not have, with suggestions.
        InvalidDemandError: a fact that cannot be; the subclass says which.
    """
    vocabulary.expand_process(facts.process)
    if facts.material is not None:
        vocabulary.expand_material(facts.material)
    for need in facts.certificates:
        vocabulary.require_certificate(need.kind)
    check_window(facts, now=now)
    _check_amounts(facts)


def check_window(facts: DemandFacts, *, now: datetime) -> None:
    """Refuse a window in which the work cannot be done any more.

    Raises:
        HoursNotPositiveError, WindowEndsBeforeStartError, WindowInPastError, WindowTooShortError:
            which of them it is.
    """
    needed = facts.minutes / 60
    if facts.minutes < 1:
        raise HoursNotPositiveError(hours=needed)
    if facts.end <= facts.start:
        raise WindowEndsBeforeStartError(start=_shown(facts.start), end=_shown(facts.end))
    if facts.end <= now:
        raise WindowInPastError(end=_shown(facts.end), now=_shown(now))
    left = Interval(max(facts.start, now), facts.end).hours
    if left < needed:
        raise WindowTooShortError(available=round(left, 2), needed=needed)


def _check_amounts(facts: DemandFacts) -> None:
    if facts.budget_minor is not None and facts.budget_minor < 0:
        raise NegativeBudgetError(budget_minor=facts.budget_minor)
    if facts.envelope_mm is not None and min(facts.envelope_mm) < 1:
        raise EnvelopeNotPositiveError(envelope=" × ".join(map(str, facts.envelope_mm)))
    if facts.tolerance_um is not None and facts.tolerance_um < 1:
        raise ToleranceNotPositiveError(tolerance_um=facts.tolerance_um)
    for what in ("quantity", "units"):
        if getattr(facts, what) < 1:
            raise QuantityTooSmallError(what=what, value=getattr(facts, what))
    if facts.radius_km is not None and facts.place is None:
        raise RadiusWithoutPlaceError(radius_km=facts.radius_km)


def _shown(instant: datetime) -> str:
    return instant.isoformat(timespec="minutes")
