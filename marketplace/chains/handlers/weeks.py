"""Use cases of weekly figures: give them, fill them from free time, see the gaps."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import ClassVar, Final
from uuid import UUID

from sqlmodel import Session

from marketplace.chains.domain.weeks import (
    ALARMING,
    WEEKS_MAX,
    Bounds,
    Figure,
    FigureKind,
    Line,
    Source,
    WeekGap,
    check_weeks,
    free_minutes,
    gaps,
    span_of,
    week_of,
)
from marketplace.chains.store import weeks as store
from services.capacity import handlers as capacity
from services.capacity.domain import Provenance
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.events.chains import DemandOverCapacity, WeeksChanged
from services.contracts.events.envelope import Audience
from services.contracts.ids import OrganisationId, ResourceId
from services.contracts.intervals import Interval
from services.identity import handlers as identity
from services.runtime.audit.recording import note
from services.runtime.clock import Clock
from services.runtime.outbox import emit

MINUTES: Final = "min"
FIGURES_MAX: Final = 20_000
"""Read at once for gaps of one item."""


class PartnerNotInSpaceError(DomainError):
    code: ClassVar[str] = "partner-not-in-space"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = (
        "Organisation {partner_id} is no partner in chain space {space_id}; choose another member."
    )
    zh: ClassVar[str] = "组织 {partner_id} 不是产业链空间 {space_id} 中的合作方；请选择其他成员。"


class ResourceNotYoursError(DomainError):
    code: ClassVar[str] = "resource-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "Your organisation has no resource {resource_id}; list /resources."
    zh: ClassVar[str] = "贵组织没有资源 {resource_id}；请查看 /resources。"


def give_weeks(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    space_id: UUID,
    line: Line,
    weeks: Mapping[str, Bounds],
    source: Source = Source.DECLARED,
) -> list[Figure]:
    """Say what is wanted of, or can be made for, a partner; each week becomes a version more.

    Raises:
        SpaceNotFoundError: not a space of the organisation.
        PartnerNotInSpaceError: the partner is not in it, or oneself.
        NoSuchWeekError, BoundsCrossedError: as they say.
    """
    check_weeks(weeks.items())
    identity.get_space(session=session, organisation_id=organisation_id, space_id=space_id)
    _check_partner(session, space_id, organisation_id, line.partner_id)
    store.lock_figures(session, space_id, (organisation_id, line.partner_id))
    known = store.versions(
        session, space_id, organisation_id=organisation_id, line=line, weeks=weeks.keys()
    )
    now = clock.now()
    given = [
        Figure(
            id=clock.new_id(),
            organisation_id=organisation_id,
            space_id=space_id,
            line=line,
            week=week,
            bounds=bounds,
            source=source,
            version=known.get(week, 0) + 1,
            created_at=now,
        )
        for week, bounds in sorted(weeks.items())
    ]
    before = _alarms(session, given)
    store.insert_figures(session, given)
    _tell(session, clock, given)
    for key, gap in _alarms(session, given).items():
        if before.get(key) != gap:
            _alarm(session, clock, space_id, gap)
    return given


def fill_from_free_time(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    space_id: UUID,
    partner_id: OrganisationId,
    item: str,
    resource_ids: Sequence[ResourceId],
    weeks: Sequence[str],
    stale_after: timedelta,
) -> list[Figure]:
    """Capacity in unit-minutes, added up from what is free of the organisation's own resources.

    A week whose gaps are all measured is marked so; else it is planned.

    Raises:
        ResourceNotYoursError: a resource is another's, or none.
        WindowTooLongError: the weeks lie too far apart.
        SpaceNotFoundError, PartnerNotInSpaceError, NoSuchWeekError: as they say.
    """
    line = Line(FigureKind.CAPACITY, partner_id, item, MINUTES)
    spans = sorted(span_of(week) for week in weeks)
    found = capacity.resources_by_id(session=session, resource_ids=resource_ids)
    for resource_id in resource_ids:
        if resource_id not in found or found[resource_id].organisation_id != organisation_id:
            raise ResourceNotYoursError(resource_id=resource_id)
    free = capacity.gaps(
        session=session,
        clock=clock,
        resource_ids=sorted(set(resource_ids)),
        window=Interval(spans[0].start, spans[-1].end),
        stale_after=stale_after,
    )
    by_source: dict[Source, dict[str, Bounds]] = {}
    for week in set(weeks):
        within = [
            [gap for gap in gaps_of_one if gap.interval.overlaps(span_of(week))]
            for gaps_of_one in free.values()
        ]
        minutes = sum(
            free_minutes([(gap.interval, gap.free_units) for gap in each], week) for each in within
        )
        is_measured = minutes > 0 and all(
            gap.provenance is Provenance.MEASURED for each in within for gap in each
        )
        source = Source.MEASURED if is_measured else Source.PLANNED
        by_source.setdefault(source, {})[week] = Bounds(minutes, minutes, minutes)
    return [
        figure
        for source, given in sorted(by_source.items())
        for figure in give_weeks(
            session=session,
            clock=clock,
            organisation_id=organisation_id,
            space_id=space_id,
            line=line,
            weeks=given,
            source=source,
        )
    ]


def list_figures(
    *,
    session: Session,
    organisation_id: OrganisationId,
    space_id: UUID,
    after: UUID | None,
    limit: int,
) -> list[Figure]:
    """A page of every version given in the space, in order of giving.

    Raises:
        SpaceNotFoundError: not a space of the organisation.
    """
    identity.get_space(session=session, organisation_id=organisation_id, space_id=space_id)
    return store.figures_after(session, space_id, after=after, limit=limit)


def list_gaps(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    space_id: UUID,
    item: str,
    first: str | None,
    weeks: int,
) -> list[WeekGap]:
    """Gaps of an item in ``weeks`` weeks from ``first``, or from this week.

    Raises:
        SpaceNotFoundError, NoSuchWeekError: as they say.
    """
    identity.get_space(session=session, organisation_id=organisation_id, space_id=space_id)
    first = first or week_of(clock.now().date())
    last = week_of((span_of(first).start + timedelta(weeks=min(weeks, WEEKS_MAX) - 1)).date())
    return gaps(
        store.newest_figures(
            session, space_id, item=item, first=first, last=last, limit=FIGURES_MAX
        )
    )


def _check_partner(
    session: Session, space_id: UUID, organisation_id: OrganisationId, partner_id: OrganisationId
) -> None:
    try:
        identity.get_space(session=session, organisation_id=partner_id, space_id=space_id)
    except identity.SpaceNotFoundError:
        raise PartnerNotInSpaceError(partner_id=partner_id, space_id=space_id) from None
    if partner_id == organisation_id:
        raise PartnerNotInSpaceError(partner_id=partner_id, space_id=space_id)


def _alarms(session: Session, given: Sequence[Figure]) -> dict[str, WeekGap]:
    """Weeks of ``given`` with more wanted than agreed, between its two parties."""
    one, weeks = given[0], {figure.week for figure in given}
    newest = store.newest_figures(
        session,
        one.space_id,
        item=one.line.item,
        first=min(weeks),
        last=max(weeks),
        limit=FIGURES_MAX,
    )
    return {
        gap.week: gap
        for gap in gaps(newest)
        if gap.state in ALARMING
        and gap.week in weeks
        and (gap.customer_id, gap.supplier_id, gap.unit)
        == (one.customer_id, one.supplier_id, one.line.unit)
    }


def _tell(session: Session, clock: Clock, given: Sequence[Figure]) -> None:
    for figure in given:
        note(session, subject_kind="chain_figure", subject_id=figure.id, after=figure)
    one, now = given[0], clock.now()
    event = WeeksChanged(
        id=clock.new_id(),
        occurred_at=now,
        space_id=one.space_id,
        organisation_id=one.organisation_id,
        partner_id=one.line.partner_id,
        kind=one.line.kind,
        weeks=tuple(figure.week for figure in given),
        audience=Audience(visibility="space", space_id=one.space_id),
    )
    emit(session, event, now=now)


def _alarm(session: Session, clock: Clock, space_id: UUID, gap: WeekGap) -> None:
    now = clock.now()
    event = DemandOverCapacity(
        id=clock.new_id(),
        occurred_at=now,
        space_id=space_id,
        customer_id=gap.customer_id,
        supplier_id=gap.supplier_id,
        week=gap.week,
        state=gap.state,
        over_agreed=gap.over_agreed or 0,
        over_maximum=gap.over_maximum or 0,
        audience=Audience(organisation_ids=(gap.customer_id, gap.supplier_id)),
    )
    emit(session, event, now=now)
