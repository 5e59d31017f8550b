"""What a programme's rules decide of an application, clause by clause. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Final
from uuid import UUID

from dateutil.relativedelta import relativedelta

from services.contracts.confidentiality import CONFIDENTIAL
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OrganisationId

KEY_PATTERN: Final = r"^[a-z][a-z0-9-]{0,39}$"
FIELDS_MAX: Final = 60
TEXT_MAX: Final = 10_000
DIRECTIONS_MAX: Final = 20


class RuleKind(StrEnum):
    """How a clause is checked."""

    PROJECTS_AT_MOST = "projects-at-most"
    DIRECTIONS_AT_MOST = "directions-at-most"
    RECOMMENDATIONS_AT_MOST = "recommendations-at-most"
    """By the recommender, when it recommends."""
    REGISTERED_IN = "registered-in"
    """A site of the applicant lies in the region, by the platform's records."""
    NOT_STATED = "not-stated"
    """The applicant states that something is not so."""
    NOT_AWARDED_BEFORE = "not-awarded-before"
    """No direction it holds already, as it states."""
    FORM_COMPLETE = "form-complete"


class FieldKind(StrEnum):
    TEXT = "text"
    INTEGER = "integer"
    MONEY = "money"
    """Minor units of CNY."""
    PERCENT = "percent"
    """Basis points."""
    BOOLEAN = "boolean"
    DIRECTIONS = "directions"


class ApplicationState(StrEnum):
    DRAFT = "draft"
    APPLIED = "applied"
    """Awaits a recommendation."""
    FILED = "filed"
    """Entered in the call, where it is screened, judged and perhaps awarded."""


class ReportState(StrEnum):
    SUBMITTED = "submitted"
    ACCEPTED = "accepted"
    RETURNED = "returned"
    """To be handed in anew."""


class PracticeState(StrEnum):
    PROPOSED = "proposed"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"


class NoReportDueError(DomainError):
    code: ClassVar[str] = "progress-report-not-due"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "Application {application_id} has no report to hand in: {reports} of {due} are in, and the"
        " last one is {state}."
    )
    zh: ClassVar[str] = (
        "申报 {application_id} 当前没有应提交的进展报告："
        "已提交 {reports}/{due}，最近一份为 {state}。"
    )


class ReportStateError(DomainError):
    code: ClassVar[str] = "progress-report-state"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Report {report_id} is {state}; only one that is submitted is reviewed."
    zh: ClassVar[str] = "报告 {report_id} 状态为 {state}；仅可审核已提交的报告。"


class PracticeStateError(DomainError):
    code: ClassVar[str] = "best-practice-state"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "Page {practice_id} is {state}: a proposed one is consented to, and withdrawn at any time."
    )
    zh: ClassVar[str] = "页面 {practice_id} 状态为 {state}：提议的页面须经同意，之后可随时撤下。"


class UnknownProgrammeError(DomainError):
    code: ClassVar[str] = "programme-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "There is no programme {key!r}; list /programmes."
    zh: ClassVar[str] = "没有项目 {key!r}；请查看 /programmes。"


class ClauseBrokenError(DomainError):
    code: ClassVar[str] = "programme-clause-broken"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Programme {programme}, clause {clause}: {en}."
    zh: ClassVar[str] = "{programme} 条款 {clause}：{zh}。"


@dataclass(frozen=True, slots=True)
class Rule:
    """A clause. ``most``, ``region`` and ``field`` as its kind needs them."""

    clause: str
    kind: RuleKind
    said: str
    said_zh: str
    most: int = 0
    region: str = ""
    field: str = ""


@dataclass(frozen=True, slots=True)
class FormField:
    """``figure``: the platform's own figure it is filled from; else the applicant states it."""

    key: str
    kind: FieldKind
    name: str
    name_zh: str
    required: bool = True
    figure: str | None = None
    most: int = TEXT_MAX


@dataclass(frozen=True, slots=True)
class Preference:
    """优先条件: does not decide alone; told to whoever recommends and judges."""

    clause: str
    field: str
    said: str
    said_zh: str


@dataclass(frozen=True, slots=True)
class Programme:
    """One version of a rule file. ``term_years``: how long an award holds, if that is said."""

    key: str
    version: int
    valid_from: date
    name: str
    name_zh: str
    source: str
    directions: Mapping[int, tuple[str, str]]
    rules: tuple[Rule, ...]
    preferences: tuple[Preference, ...]
    form: tuple[FormField, ...]
    stages: tuple[str, ...]
    term_years: int | None
    progress_reports: bool

    def rule(self, kind: RuleKind) -> Rule | None:
        """The clause of a kind that stands at most once."""
        return next((one for one in self.rules if one.kind is kind), None)


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of the platform's own: its value, whence it comes, and when it was read."""

    key: str
    value: int | str | None
    source: str
    as_of: datetime


@dataclass(frozen=True, slots=True)
class Case:
    """What rules look at. ``projects``: others the applicant has applied with in the same call."""

    directions: tuple[int, ...]
    fields: Mapping[str, Any]
    regions: tuple[str, ...] = ()
    projects: int = 0


@dataclass(frozen=True, slots=True)
class Finding:
    """Whether a clause holds, and what was found."""

    clause: str
    passed: bool
    en: str
    zh: str


@dataclass(frozen=True, slots=True)
class Application:
    """``fields`` are stated by the applicant, ``figures`` are the platform's."""

    id: UUID
    organisation_id: OrganisationId
    call_id: UUID
    owner_id: OrganisationId
    recommender_id: OrganisationId
    programme: str
    version: int
    title: str
    directions: tuple[int, ...]
    fields: Annotated[Mapping[str, Any], CONFIDENTIAL]
    figures: tuple[Figure, ...]
    findings: tuple[Finding, ...]
    state: ApplicationState
    created_at: datetime
    submission_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Recommendation:
    """``place``: its number among the recommender's in the call; ``quota``: how many there are."""

    id: UUID
    organisation_id: OrganisationId
    applicant_id: OrganisationId
    owner_id: OrganisationId
    application_id: UUID
    call_id: UUID
    reason: str
    place: int
    quota: int | None
    created_at: datetime


def judge(programme: Programme, case: Case) -> tuple[Finding, ...]:
    """Every clause that applies to an application, in order, with what was found."""
    return tuple(finding for rule in programme.rules for finding in _find(programme, rule, case))


def check(programme: Programme, findings: Sequence[Finding]) -> None:
    """Let an application pass that breaks no clause.

    Raises:
        ClauseBrokenError: says the first clause it breaks, and names all of them.
    """
    broken = [one for one in findings if not one.passed]
    if broken:
        raise ClauseBrokenError(
            programme=programme.key,
            clause=broken[0].clause,
            en=broken[0].en,
            zh=broken[0].zh,
            clauses=[one.clause for one in broken],
        )


def check_quota(programme: Programme, given: int) -> int | None:
    """The quota of a recommender, of which ``given`` are used.

    Raises:
        ClauseBrokenError: none is left.
    """
    rule = programme.rule(RuleKind.RECOMMENDATIONS_AT_MOST)
    if rule is None:
        return None
    if given >= rule.most:
        raise ClauseBrokenError(
            programme=programme.key,
            clause=rule.clause,
            en=f"{rule.said}; {given} are given already",
            zh=f"{rule.said_zh}；已推荐 {given} 项",
            clauses=[rule.clause],
        )
    return rule.most


def preferred(programme: Programme, fields: Mapping[str, Any]) -> tuple[str, ...]:
    """Clauses of preference an application meets, as it states."""
    return tuple(one.clause for one in programme.preferences if fields.get(one.field))


def _find(programme: Programme, rule: Rule, case: Case) -> Iterator[Finding]:
    if rule.kind is RuleKind.RECOMMENDATIONS_AT_MOST:
        return
    if rule.kind is RuleKind.FORM_COMPLETE:
        faults = list(_form_faults(programme, case))
        told = ", ".join(faults)
        yield Finding(
            rule.clause,
            not faults,
            f"{rule.said}; missing or unfit: {told or 'nothing'}",
            f"{rule.said_zh}；缺少或不符：{told or '无'}",
        )
        return
    passed, found = _measure(rule, case)
    yield Finding(rule.clause, passed, f"{rule.said}; {found}", f"{rule.said_zh}；{found}")


def _measure(rule: Rule, case: Case) -> tuple[bool, str]:
    """Whether the clause holds, and the figures it was decided by."""
    if rule.kind is RuleKind.PROJECTS_AT_MOST:
        count = case.projects + 1
        return count <= rule.most, f"{count} / {rule.most}"
    if rule.kind is RuleKind.DIRECTIONS_AT_MOST:
        count = len(set(case.directions))
        return 1 <= count <= rule.most, f"{count} / {rule.most}"
    if rule.kind is RuleKind.REGISTERED_IN:
        inside = [one for one in case.regions if one.startswith(rule.region)]
        return bool(inside), ", ".join(inside or case.regions) or "-"
    if rule.kind is RuleKind.NOT_AWARDED_BEFORE:
        again = sorted(set(case.directions) & set(case.fields.get(rule.field) or ()))
        return not again, ", ".join(map(str, again)) or "-"
    stated = case.fields.get(rule.field)
    return stated is False, f"{rule.field}: {'-' if stated is None else str(stated).lower()}"


def _form_faults(programme: Programme, case: Case) -> Iterator[str]:
    known = {one.key: one for one in programme.form if one.figure is None}
    yield from sorted(case.fields.keys() - known.keys())
    yield from (str(one) for one in sorted(set(case.directions) - programme.directions.keys()))
    for key, field in known.items():
        value = case.fields.get(key)
        if value in (None, ""):
            if field.required:
                yield key
        elif not _fits(programme, field, value):
            yield key


def _fits(programme: Programme, field: FormField, value: object) -> bool:
    if field.kind is FieldKind.TEXT:
        return isinstance(value, str) and len(value) <= field.most
    if field.kind is FieldKind.BOOLEAN:
        return isinstance(value, bool)
    if field.kind is FieldKind.DIRECTIONS:
        return isinstance(value, list) and all(one in programme.directions for one in value)
    return isinstance(value, int) and not isinstance(value, bool)


@dataclass(frozen=True, slots=True)
class Report:
    """A progress report (进展报告): ``figures`` are the platform's on the day it was handed in."""

    id: UUID
    organisation_id: OrganisationId
    owner_id: OrganisationId
    application_id: UUID
    number: int
    due_on: date
    said: Annotated[str, CONFIDENTIAL]
    figures: tuple[Figure, ...]
    state: ReportState
    submitted_at: datetime
    remark: str | None = None
    reviewed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Practice:
    """A best-practice page (优秀案例) of an awarded project, as its applicant consents to it."""

    id: UUID
    organisation_id: OrganisationId
    applicant_id: OrganisationId
    application_id: UUID
    title: str
    text: str
    figures: tuple[Figure, ...]
    state: PracticeState
    created_at: datetime
    published_at: datetime | None = None


def due_dates(programme: Programme, awarded_on: date) -> tuple[date, ...]:
    """When reports are due: at the end of each year of the term, if the rules ask for any."""
    if not programme.progress_reports or programme.term_years is None:
        return ()
    years = range(1, programme.term_years + 1)
    return tuple(awarded_on + relativedelta(years=year) for year in years)


def next_report(
    application_id: UUID, due: Sequence[date], reports: Sequence[Report]
) -> tuple[int, date]:
    """Number and due date of the report to hand in: a returned one, else the next.

    Raises:
        NoReportDueError: all are in, or the last one is still with its reviewer.
    """
    last = reports[-1] if reports else None
    is_waiting = last is not None and last.state is ReportState.SUBMITTED
    number = len(reports)
    if last is None or last.state is not ReportState.RETURNED:
        number += 1
    if is_waiting or number > len(due):
        raise NoReportDueError(
            application_id=application_id,
            reports=len(reports),
            due=len(due),
            state="-" if last is None else last.state,
        )
    return number, due[number - 1]
