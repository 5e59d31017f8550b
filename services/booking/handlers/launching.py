"""Use cases of launching: say where software is opened, open a booked seat, see who did."""

from typing import ClassVar
from uuid import UUID

from sqlmodel import Session

from services.booking import store
from services.booking.domain.launching import (
    Launch,
    LaunchTarget,
    NoLaunchTargetError,
    launched,
)
from services.booking.handlers.reading import get_booking, locked
from services.booking.launcher.port import Launcher
from services.capacity import handlers as capacity
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.events.booking import SeatLaunched
from services.contracts.events.envelope import Audience
from services.contracts.ids import BookingId, OrganisationId, ResourceId
from services.runtime.audit.recording import note
from services.runtime.clock import Clock
from services.runtime.outbox import emit
from services.runtime.tenancy import principal_of


class LaunchTargetNotFoundError(DomainError):
    code: ClassVar[str] = "launch-target-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = (
        "Your organisation launches no resource {resource_id}; set where by"
        " PUT /resources/{resource_id}/launch-target."
    )
    zh: ClassVar[str] = (
        "贵组织未配置资源 {resource_id} 的启动地址；"
        "请通过 PUT /resources/{resource_id}/launch-target 设置。"
    )


def put_target(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    resource_id: ResourceId,
    url_template: str,
) -> LaunchTarget:
    """Say where the software of an own resource is opened, from now on.

    Raises:
        ResourceNotFoundError: the organisation has no such resource.
    """
    _check_own(session, organisation_id, resource_id)
    before = store.find_target(session, resource_id)
    target = LaunchTarget(resource_id, organisation_id, url_template, clock.now())
    store.save_target(session, target)
    note(session, subject_kind="launch_target", subject_id=resource_id, before=before, after=target)
    return target


def get_target(
    *, session: Session, organisation_id: OrganisationId, resource_id: ResourceId
) -> LaunchTarget:
    """Where the software of an own resource is opened.

    Raises:
        ResourceNotFoundError: the organisation has no such resource.
        LaunchTargetNotFoundError: it is opened nowhere.
    """
    _check_own(session, organisation_id, resource_id)
    target = store.find_target(session, resource_id)
    if target is None:
        raise LaunchTargetNotFoundError(resource_id=resource_id)
    return target


def launch(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    booking_id: BookingId,
    seat: int,
    launcher: Launcher,
) -> tuple[Launch, str]:
    """A link that opens one seat of an own booking, in its time; that it was given is on record.

    Raises:
        BookingNotFoundError: the organisation booked none such.
        NotLaunchableError: it is not confirmed, not its time, or not one of its seats.
        NoLaunchTargetError: its provider did not say where it is opened.
    """
    booking = locked(session, booking_id, None, buyer=organisation_id)
    now = clock.now()
    opened = launched(
        booking,
        launch_id=clock.new_id(),
        seat=seat,
        actor_id=principal_of(session).id,
        now=now,
    )
    target = store.find_target(session, booking.resource_id)
    if target is None:
        raise NoLaunchTargetError(resource_id=booking.resource_id)
    store.insert_launch(session, opened)
    note(session, subject_kind="launch", subject_id=opened.id, after=opened)
    event = SeatLaunched(
        id=clock.new_id(),
        occurred_at=now,
        launch_id=opened.id,
        booking_id=opened.booking_id,
        resource_id=opened.resource_id,
        organisation_id=opened.organisation_id,
        provider_id=opened.provider_id,
        seat=opened.seat,
        audience=Audience(organisation_ids=(opened.organisation_id, opened.provider_id)),
    )
    emit(session, event, now=now)
    return opened, launcher.link(opened, target)


def list_launches(
    *,
    session: Session,
    organisation_id: OrganisationId,
    booking_id: BookingId,
    after: UUID | None,
    limit: int,
) -> list[Launch]:
    """A page of the launches of a booking, for its two parties.

    Raises:
        BookingNotFoundError: the organisation has no part in one with that id.
    """
    get_booking(session=session, organisation_id=organisation_id, booking_id=booking_id)
    return store.launches_after(session, booking_id, after=after, limit=limit)


def _check_own(session: Session, organisation_id: OrganisationId, resource_id: ResourceId) -> None:
    resource = capacity.get_resource(session=session, resource_id=resource_id)
    if resource.organisation_id != organisation_id:
        raise capacity.ResourceNotFoundError(resource_id=resource_id)
