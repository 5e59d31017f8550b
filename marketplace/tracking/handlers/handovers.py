"""Use cases of handovers: goods of a booked leg picked up and delivered, and both confirmed."""

from dataclasses import replace
from typing import ClassVar
from uuid import UUID

from sqlmodel import Session

from marketplace.tracking import store
from marketplace.tracking.domain import (
    LOGISTICS,
    Handover,
    HandoverKind,
    check_booking,
    check_handover,
)
from services.booking import handlers as booking
from services.capacity import handlers as capacity
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.events.envelope import Audience
from services.contracts.events.tracking import HandoverRecorded
from services.contracts.ids import BookingId, OrganisationId
from services.runtime.audit.recording import note as audit
from services.runtime.clock import Clock
from services.runtime.outbox import emit


class HandoverNotFoundError(DomainError):
    code: ClassVar[str] = "handover-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "There is no handover {handover_id} of your goods; list the booking's."
    zh: ClassVar[str] = "没有贵组织货物的交接 {handover_id}；请查看该预订的交接记录。"


def record(
    *,
    session: Session,
    clock: Clock,
    carrier_id: OrganisationId,
    actor: UUID | None,
    booking_id: BookingId,
    kind: HandoverKind,
    place: str,
    note: str,
) -> Handover:
    """Say that the goods of an own leg were picked up or delivered.

    Raises:
        BookingNotFoundError: no such leg is the organisation's to do.
        BookingUnfitError: it is not firm, or no logistics.
        HandoverRefusedError: it was said before, or nothing was picked up.
    """
    booked = booking.get_booking(session=session, organisation_id=carrier_id, booking_id=booking_id)
    if booked.provider_id != carrier_id:
        raise booking.BookingNotFoundError(booking_id=booking_id)
    resource = capacity.get_resource(session=session, resource_id=booked.resource_id)
    check_booking(booked, resource, LOGISTICS)
    check_handover(booked, kind, store.handovers_of(session, booking_id))
    made = Handover(
        id=clock.new_id(),
        organisation_id=booked.organisation_id,
        carrier_id=carrier_id,
        booking_id=booking_id,
        kind=kind,
        place=place,
        note=note,
        actor_id=actor,
        at=clock.now(),
    )
    store.insert_handover(session, made)
    _tell(session, clock, None, made)
    return made


def confirm(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    actor: UUID | None,
    handover_id: UUID,
) -> Handover:
    """Confirm that own goods were handed over so. Done twice, the first stays.

    Raises:
        HandoverNotFoundError: there is none of the organisation's goods.
    """
    before = store.lock_handover(session, handover_id, organisation_id=organisation_id)
    if before is None:
        raise HandoverNotFoundError(handover_id=handover_id)
    if before.confirmed_at is not None:
        return before
    after = replace(before, confirmed_by=actor, confirmed_at=clock.now())
    store.save_handover(session, after)
    _tell(session, clock, before, after)
    return after


def list_handovers(
    *, session: Session, party: OrganisationId, booking_id: BookingId
) -> list[Handover]:
    """What was handed over of a booking one is a party to, in order; there are two at most.

    Raises:
        BookingNotFoundError: there is no such booking.
    """
    booking.get_booking(session=session, organisation_id=party, booking_id=booking_id)
    return store.handovers_of(session, booking_id)


def _tell(session: Session, clock: Clock, before: Handover | None, after: Handover) -> None:
    audit(session, subject_kind="handover", subject_id=after.id, before=before, after=after)
    now = clock.now()
    event = HandoverRecorded(
        id=clock.new_id(),
        occurred_at=now,
        handover_id=after.id,
        booking_id=after.booking_id,
        organisation_id=after.organisation_id,
        carrier_id=after.carrier_id,
        kind=after.kind,
        confirmed=after.confirmed_at is not None,
        audience=Audience(organisation_ids=after.parties),
    )
    emit(session, event, now=now)
