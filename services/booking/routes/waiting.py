"""HTTP of waiting lists: join, read, leave."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Response

from services.booking import handlers
from services.booking.domain import EntryState
from services.booking.schemas.waiting import WaitIn, WaitOut
from services.contracts.ids import OfferId, ResourceId
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

router = api_router(prefix="/waitlist", tags=["bookings"])


@router.post(
    "", status_code=201, response_model=WaitOut, dependencies=[requires(Action.WAITLIST_JOIN)]
)
def join_waitlist(
    asked: WaitIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """Wait for time of a resource; the first slot that fits is held and told by an event."""
    organisation_id = acting_organisation(acting, asked.organisation_id)

    def work() -> WaitOut:
        entry = handlers.join_waitlist(
            session=session,
            clock=clock,
            organisation_id=organisation_id,
            resource_id=ResourceId(asked.resource_id),
            offer_id=OfferId(asked.offer_id) if asked.offer_id else None,
            within=Interval(asked.start, asked.end),
            minutes=asked.minutes,
            units=asked.units,
            expires_at=asked.expires_at,
        )
        return WaitOut.of(entry)

    return creation.once(asked, work)


@router.get("", response_model=Page[WaitOut], dependencies=[requires(Action.WAITLIST_READ)])
def list_waitlist(
    session: SessionDep,
    page: PageDep,
    acting: ActingDep,
    resource_id: UUID | None = None,
    state: Annotated[list[EntryState] | None, Query()] = None,
) -> Page[WaitOut] | Response:
    """What one waits or waited for, in the order of asking."""
    found = handlers.list_entries(
        session=session,
        organisation_id=acting.organisation_id,
        after=page.after,
        limit=page.fetch,
        resource_id=ResourceId(resource_id) if resource_id else None,
        states=state,
    )
    return page.answer(found, WaitOut.of, name="waitlist")


@router.get("/{entry_id}", dependencies=[requires(Action.WAITLIST_READ)])
def read_entry(entry_id: UUID, session: SessionDep, acting: ActingDep) -> WaitOut:
    """One entry; once promoted it names its booking."""
    return WaitOut.of(
        handlers.get_entry(
            session=session, organisation_id=acting.organisation_id, entry_id=entry_id
        )
    )


@router.post("/{entry_id}/leave", dependencies=[requires(Action.WAITLIST_LEAVE)])
def leave_waitlist(
    entry_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> WaitOut:
    """Wait no more."""
    return WaitOut.of(
        handlers.leave_waitlist(
            session=session,
            clock=clock,
            organisation_id=acting.organisation_id,
            entry_id=entry_id,
        )
    )
