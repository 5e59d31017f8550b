"""HTTP doors of capacity."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, ClassVar
from uuid import UUID

from fastapi import Depends, Query, Request, Response

from services.capacity import handlers
from services.capacity.domain import ServiceCatalogue
from services.capacity.schemas import (
    CalendarPut,
    CompanionsPut,
    GapRead,
    GapsRead,
    LiveStateRead,
    MaintenanceCreate,
    MaintenanceRead,
    QuarantinedRead,
    ResourceCreate,
    ResourceRead,
    TimelineRead,
    TwinPut,
    WithdrawalRead,
)
from services.contracts.documents import Day, Instant
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import GatewayId, OrganisationId, ResourceId, SiteId
from services.contracts.intervals import Interval
from services.contracts.policies import Action
from services.runtime.routing import api_router
from services.runtime.tabular import Page, PageDep
from services.runtime.web import (
    ActingDep,
    ClockDep,
    CreationDep,
    SessionDep,
    acting_organisation,
    requires,
)

router = api_router(tags=["capacity"])


class WindowInvalidError(DomainError):
    code: ClassVar[str] = "window-invalid"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "The window ends at {end}, not after its start {start}; swap or widen them."
    zh: ClassVar[str] = "时间窗结束于 {end}，未晚于开始时间 {start}；请调整。"


class TwinMissingError(DomainError):
    code: ClassVar[str] = "twin-missing"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "Resource {resource_id} has no live twin; bind one with PUT …/twin."
    zh: ClassVar[str] = "资源 {resource_id} 没有实时孪生；请用 PUT …/twin 绑定。"


def _catalogue(request: Request) -> ServiceCatalogue:
    catalogue: ServiceCatalogue = request.app.state.catalogue
    return catalogue


def _stale_after(request: Request) -> timedelta:
    return timedelta(seconds=request.app.state.settings.seen_stale_after_s)


CatalogueDep = Annotated[ServiceCatalogue, Depends(_catalogue)]
StaleAfterDep = Annotated[timedelta, Depends(_stale_after)]


@router.post(
    "/resources",
    status_code=201,
    response_model=ResourceRead,
    dependencies=[requires(Action.RESOURCE_REGISTER)],
)
def register_resource(
    asked: ResourceCreate,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    catalogue: CatalogueDep,
    acting: ActingDep,
) -> Response:
    """Register a resource of any kind with its capabilities and rules."""
    organisation_id = acting_organisation(acting, asked.organisation_id)

    def register() -> ResourceRead:
        resource = handlers.register_resource(
            session=session,
            clock=clock,
            organisation_id=organisation_id,
            site_id=SiteId(asked.site_id),
            kind=asked.kind,
            name=asked.name,
            name_zh=asked.name_zh,
            timezone=asked.timezone,
            units=asked.units,
            rule=asked.rule.rule(),
            capabilities=[each.declaration() for each in asked.capabilities],
            calendar_ics=asked.calendar_ics,
            visibility=asked.visibility,
            catalogue=catalogue,
            space_id=asked.space_id,
            companions=[each.companion() for each in asked.companions],
        )
        return ResourceRead.of(resource)

    return creation.once(asked, register)


@router.get(
    "/resources", response_model=Page[ResourceRead], dependencies=[requires(Action.RESOURCE_READ)]
)
def list_resources(
    session: SessionDep,
    page: PageDep,
    kind: str | None = None,
    organisation_id: UUID | None = None,
) -> Page[ResourceRead] | Response:
    """Resources by id."""
    found = handlers.list_resources(
        session=session,
        after=page.after,
        limit=page.fetch,
        kind=kind,
        organisation_id=None if organisation_id is None else OrganisationId(organisation_id),
    )
    return page.answer(found, ResourceRead.of, name="resources")


@router.get("/resources/{resource_id}", dependencies=[requires(Action.RESOURCE_READ)])
def get_resource(resource_id: UUID, session: SessionDep) -> ResourceRead:
    """One resource."""
    return ResourceRead.of(
        handlers.get_resource(session=session, resource_id=ResourceId(resource_id))
    )


@router.put(
    "/resources/{resource_id}/calendar",
    status_code=204,
    dependencies=[requires(Action.RESOURCE_CHANGE)],
)
def put_calendar(
    resource_id: UUID,
    asked: CalendarPut,
    session: SessionDep,
    clock: ClockDep,
    acting: ActingDep,
) -> None:
    """Replace the working calendar."""
    handlers.put_calendar(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        resource_id=ResourceId(resource_id),
        ics=asked.ics,
    )


@router.put(
    "/resources/{resource_id}/companions",
    status_code=204,
    dependencies=[requires(Action.RESOURCE_CHANGE)],
)
def put_companions(
    resource_id: UUID, asked: CompanionsPut, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> None:
    """Replace what is booked along with the resource; existing bookings keep what they took."""
    handlers.put_companions(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        resource_id=ResourceId(resource_id),
        companions=[each.companion() for each in asked.companions],
    )


@router.put(
    "/resources/{resource_id}/twin",
    status_code=204,
    dependencies=[requires(Action.RESOURCE_CHANGE)],
)
def put_twin(
    resource_id: UUID, asked: TwinPut, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> None:
    """Bind a device of a gateway as the live twin."""
    handlers.bind_twin(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        resource_id=ResourceId(resource_id),
        gateway_id=GatewayId(asked.gateway_id),
        device=asked.device,
    )


@router.post(
    "/resources/{resource_id}/maintenance",
    status_code=201,
    response_model=MaintenanceRead,
    dependencies=[requires(Action.RESOURCE_CHANGE)],
)
def schedule_maintenance(
    resource_id: UUID,
    asked: MaintenanceCreate,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """Plan maintenance of the whole resource; bookings made before stay."""
    during = _window(asked.start, asked.end)

    def schedule() -> MaintenanceRead:
        handlers.schedule_maintenance(
            session=session,
            clock=clock,
            organisation_id=acting.organisation_id,
            resource_id=ResourceId(resource_id),
            during=during,
            reason=asked.reason,
        )
        return MaintenanceRead(resource_id=resource_id, **dict(asked))

    return creation.once(asked, schedule)


@router.get("/resources/{resource_id}/state", dependencies=[requires(Action.CAPACITY_READ)])
def get_state(
    resource_id: UUID, session: SessionDep, clock: ClockDep, stale_after: StaleAfterDep
) -> LiveStateRead:
    """The latest known of the resource's twin, with its age."""
    key = ResourceId(resource_id)
    handlers.get_resource(session=session, resource_id=key)
    live = handlers.live_states(session=session, resource_ids=[key]).get(key)
    if live is None:
        raise TwinMissingError(resource_id=resource_id)
    return LiveStateRead.of(live, now=clock.now(), stale_after=stale_after)


@router.get("/resources/{resource_id}/gaps", dependencies=[requires(Action.CAPACITY_READ)])
def get_gaps(
    resource_id: UUID,
    start: Instant,
    end: Instant,
    session: SessionDep,
    clock: ClockDep,
    stale_after: StaleAfterDep,
) -> GapsRead:
    """Free time that can be booked, how it is known and how old that knowledge is."""
    key = ResourceId(resource_id)
    handlers.get_resource(session=session, resource_id=key)
    found = handlers.gaps(
        session=session,
        clock=clock,
        resource_ids=[key],
        window=_window(start, end),
        stale_after=stale_after,
    )
    return GapsRead(resource_id=resource_id, items=[GapRead.of(gap) for gap in found[key]])


@router.get("/resources/{resource_id}/timeline", dependencies=[requires(Action.CAPACITY_READ)])
def get_timeline(resource_id: UUID, day: Day, session: SessionDep, clock: ClockDep) -> TimelineRead:
    """A day of the resource in its own time zone: states, working time, what is taken."""
    return TimelineRead.of(
        handlers.timeline(
            session=session, clock=clock, resource_id=ResourceId(resource_id), day=day
        )
    )


@router.get(
    "/withdrawals",
    response_model=Page[WithdrawalRead],
    dependencies=[requires(Action.CAPACITY_READ)],
)
def list_withdrawals(
    session: SessionDep,
    page: PageDep,
    since: Annotated[Instant, Query(description="withdrawn at or after")] = datetime(
        2000, 1, 1, tzinfo=UTC
    ),
) -> Page[WithdrawalRead] | Response:
    """Free time that was withdrawn, why, and when it was given back."""
    found = handlers.list_withdrawals(
        session=session, since=since, after=page.after, limit=page.fetch
    )
    return page.answer(found, WithdrawalRead.of, name="withdrawals")


@router.get(
    "/quarantine",
    response_model=Page[QuarantinedRead],
    dependencies=[requires(Action.QUARANTINE_READ)],
)
def list_quarantine(
    session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[QuarantinedRead] | Response:
    """Messages of own gateways that could not be understood, and why; an administrator's of all."""
    everybody = acting.principal.platform_role is not None
    found = handlers.list_quarantine(
        session=session,
        organisation_id=None if everybody else acting.organisation_id,
        after=page.after,
        limit=page.fetch,
    )
    return page.answer(found, QuarantinedRead.of, name="quarantine")


def _window(start: datetime, end: datetime) -> Interval:
    if start >= end:
        raise WindowInvalidError(start=start.isoformat(), end=end.isoformat())
    return Interval(start, end)
