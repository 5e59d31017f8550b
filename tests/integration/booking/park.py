"""A park to book in: two firms, a site, and one resource of every kind, all through use cases."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import text
from sqlmodel import Session

from services.booking import handlers
from services.booking.domain import Booking, Entry, Terms
from services.capacity import handlers as capacity
from services.capacity.domain import (
    CapabilityDeclaration,
    CapacityRule,
    Companion,
    Resource,
    Visibility,
)
from services.contracts.ids import BookingId, OfferId, OrganisationId
from services.contracts.intervals import Interval
from services.contracts.telemetry import ResourceState
from services.identity import handlers as identity
from services.identity.domain import OrganisationKind
from services.matching import handlers as matching
from services.matching.domain import Rate
from services.runtime.clock import Clock
from services.runtime.db import Sessions, transaction

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
TTL = timedelta(minutes=15)
STALE = timedelta(seconds=30)
KINDS = ("machine", "lab_method", "software_seats", "expert", "room")
RATE = Rate(per_hour_minor=12_000, setup_minor=500)
MILLING = "machining.milling"
COPIES = """
INSERT INTO booking
SELECT (jsonb_populate_record(booking, jsonb_build_object('id', uuidv7()))).*
  FROM booking, generate_series(1, :count)
"""
"""As many again of the one booking that is there, of which no slot is taken."""


class AnyCode:
    """A catalogue that knows every code."""

    def knows_process(self, code: str) -> bool:
        return bool(code)

    def knows_material(self, code: str) -> bool:
        return bool(code)

    def knows_certificate(self, kind: str) -> bool:
        return bool(kind)


@dataclass
class Park:
    session: Session
    clock: Clock
    owner: OrganisationId
    buyer: OrganisationId
    site_id: Any

    def resource(
        self,
        kind: str = "machine",
        *,
        units: int = 1,
        calendar: str | None = None,
        timezone: str = "UTC",
        capability: CapabilityDeclaration | None = None,
        companions: Sequence[Companion] = (),
        visibility: Visibility = Visibility.PUBLIC,
        **rule: Any,
    ) -> Resource:
        return capacity.register_resource(
            session=self.session,
            clock=self.clock,
            organisation_id=self.owner,
            site_id=self.site_id,
            kind=kind,
            name=kind,
            name_zh=kind,
            timezone=timezone,
            units=units,
            rule=CapacityRule(**rule),
            capabilities=[capability or CapabilityDeclaration(process=MILLING)],
            calendar_ics=calendar,
            visibility=visibility,
            catalogue=AnyCode(),
            companions=companions,
        )

    def offer(
        self,
        resource: Resource,
        rate: Rate = RATE,
        visibility: Visibility = Visibility.PUBLIC,
    ) -> OfferId:
        offer_id = OfferId(self.clock.new_id())
        matching.list_resource(
            session=self.session,
            clock=self.clock,
            offer_id=offer_id,
            resource_id=resource.id,
            rate=rate,
            visibility=visibility,
        )
        return offer_id

    def hold(self, resource: Resource, offer_id: OfferId | None, **asked: Any) -> Booking:
        return hold(self.session, self.clock, self.buyer, resource, offer_id, **asked)

    def read(self, booking: Booking) -> Booking:
        return handlers.get_booking(
            session=self.session, organisation_id=self.buyer, booking_id=booking.id
        )

    def confirm(self, booking_id: BookingId, version: int | None = None) -> Booking:
        return handlers.confirm(
            session=self.session,
            clock=self.clock,
            organisation_id=self.buyer,
            booking_id=booking_id,
            expected_version=version,
        )

    def cancel(self, booking_id: BookingId, version: int | None = None) -> Booking:
        return handlers.cancel(
            session=self.session,
            clock=self.clock,
            organisation_id=self.buyer,
            booking_id=booking_id,
            expected_version=version,
        )

    def refuse(self, booking_id: BookingId) -> Booking:
        """The provider takes its promise back."""
        return handlers.cancel(
            session=self.session,
            clock=self.clock,
            organisation_id=self.owner,
            booking_id=booking_id,
        )

    def no_show(self, booking_id: BookingId) -> Booking:
        return handlers.no_show(
            session=self.session,
            clock=self.clock,
            organisation_id=self.owner,
            booking_id=booking_id,
        )

    def put_terms(self, resource: Resource, **terms: int) -> Terms:
        return handlers.put_terms(
            session=self.session,
            clock=self.clock,
            organisation_id=self.owner,
            resource_id=resource.id,
            terms=Terms(**terms),
        )

    def move(self, booking: Booking, version: int | None = None, **slot: Any) -> Booking:
        """Move it an hour later, or as ``slot`` says."""
        asked = {
            "start": booking.interval.start + HOUR,
            "minutes": booking.interval.duration // MINUTE - booking.setup_minutes,
            "units": booking.units,
            **slot,
        }
        return handlers.reschedule(
            session=self.session,
            clock=self.clock,
            organisation_id=self.buyer,
            booking_id=booking.id,
            stale_after=STALE,
            expected_version=version,
            **asked,
        )

    def release(self, booking_id: BookingId, units: int) -> Booking:
        return handlers.release_units(
            session=self.session,
            clock=self.clock,
            organisation_id=self.buyer,
            booking_id=booking_id,
            units=units,
        )

    def join(
        self,
        resource: Resource,
        offer_id: OfferId | None,
        *,
        by: OrganisationId | None = None,
        **asked: Any,
    ) -> Entry:
        """Wait for an hour within the next two."""
        now = self.clock.now()
        wanted = {"within": Interval(now + HOUR, now + 3 * HOUR), "minutes": 60, "units": 1}
        return handlers.join_waitlist(
            session=self.session,
            clock=self.clock,
            organisation_id=by or self.buyer,
            resource_id=resource.id,
            offer_id=offer_id,
            **{**wanted, **asked},
        )

    def promote(self, open_max: int | None = None) -> None:
        """What the worker does with its due lists."""
        is_left = True
        while is_left:
            is_left = handlers.promote_next(
                session=self.session,
                clock=self.clock,
                hold_ttl=TTL,
                stale_after=STALE,
                open_max=open_max,
            )

    def entry(self, entry: Entry) -> Entry:
        return handlers.get_entry(
            session=self.session, organisation_id=entry.organisation_id, entry_id=entry.id
        )

    def firm(self, name: str) -> OrganisationId:
        """One more that books."""
        return identity.create_organisation(
            session=self.session,
            clock=self.clock,
            name=name,
            name_zh=name,
            kind=OrganisationKind.FIRM,
        ).id

    def start(self, booking_id: BookingId) -> Booking:
        return handlers.start(
            session=self.session,
            clock=self.clock,
            organisation_id=self.owner,
            booking_id=booking_id,
        )

    def finish(self, booking_id: BookingId) -> Booking:
        return handlers.finish(
            session=self.session,
            clock=self.clock,
            organisation_id=self.owner,
            booking_id=booking_id,
        )

    def set_state(
        self, resource: Resource, state: ResourceState, reason: str | None = None
    ) -> None:
        """The live state as ingest leaves it."""
        self.session.connection().execute(
            text(
                "INSERT INTO resource_state"
                " (organisation_id, resource_id, state, reason, since, seen_at, quality, reported,"
                " cursors) VALUES (:owner, :id, :state, :reason, :now, :now, 192, :state, '{}')"
                " ON CONFLICT (resource_id) DO UPDATE SET state = excluded.state,"
                " reason = excluded.reason, since = excluded.since, seen_at = excluded.seen_at"
            ),
            {
                "owner": resource.organisation_id,
                "id": resource.id,
                "state": state,
                "reason": reason,
                "now": self.clock.now(),
            },
        )


def hold(
    session: Session,
    clock: Clock,
    buyer: OrganisationId,
    resource: Resource,
    offer_id: OfferId | None,
    **asked: Any,
) -> Booking:
    slot = {"start": clock.now() + HOUR, "minutes": 60, "units": 1, **asked}
    return handlers.hold(
        session=session,
        clock=clock,
        organisation_id=buyer,
        resource_id=resource.id,
        offer_id=offer_id,
        demand_id=None,
        hold_ttl=TTL,
        stale_after=STALE,
        **slot,
    )


def open_park(session: Session, clock: Clock) -> Park:
    firms = [
        identity.create_organisation(
            session=session, clock=clock, name=name, name_zh=name, kind=OrganisationKind.FIRM
        )
        for name in ("Owner", "Buyer")
    ]
    site = identity.create_site(
        session=session,
        clock=clock,
        organisation_id=firms[0].id,
        code="park",
        name="Park",
        name_zh="园区",
        region_code="420106",
        park=None,
        lat=30.5928,
        lon=114.3055,
    )
    return Park(session, clock, firms[0].id, firms[1].id, site.id)


@contextmanager
def committed(sessions: Sessions, clock: Clock) -> Iterator[Park]:
    """A park whose rows others see once the block ends."""
    with transaction(sessions) as session:
        yield open_park(session, clock)


def events(session: Session) -> list[dict[str, Any]]:
    """Payloads of the booking events written so far, but for those of the waiting lists."""
    session.flush()
    rows = session.connection().execute(
        text(
            "SELECT payload FROM outbox_event WHERE subject LIKE '%booking%'"
            " AND subject NOT LIKE '%slot-freed%' ORDER BY seq"
        )
    )
    return [row.payload for row in rows]


def count(session: Session, table: str) -> int:
    return int(session.connection().execute(text(f"SELECT count(*) FROM {table}")).scalar_one())  # noqa: S608 - named in tests
