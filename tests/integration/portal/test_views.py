"""The page's content as the contexts tell it, on a real database; and the page over HTTP."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from gateway.http.app import create_app
from gateway.portal.build import build
from gateway.portal.model import Park as PageModel
from gateway.portal.mount import mount
from gateway.portal.views import PARK_NAME, read_park, unit_hours
from marketplace.taxonomy.loader import load_taxonomy
from services.booking.domain import Booking
from services.booking.handlers import flag_at_risk
from services.capacity import handlers as capacity
from services.capacity.domain import Gap, Provenance
from services.contracts.access import ANONYMOUS, Principal, Role
from services.contracts.ids import OfferId, OrganisationId, ResourceId
from services.contracts.intervals import Interval
from services.contracts.telemetry import ResourceState
from services.identity import handlers as identity
from services.identity.domain import OrganisationKind
from services.runtime.db import Sessions, transaction
from services.runtime.settings import Settings
from tests.integration.booking.park import committed, hold
from tests.integration.capacity.park import Park as Reporter
from tests.integration.capacity.park import reported
from tests.support.api import Keyring, served
from tests.support.clock import START, FrozenClock
from tests.support.working import sessions_as

HOUR = timedelta(hours=1)
RESOURCE = ResourceId(UUID(int=1))

pytestmark = pytest.mark.integration


@dataclass
class Mill:
    """A machine with a live twin, offered by a firm, beside a laboratory without one."""

    sessions: Sessions
    door: Sessions
    clock: FrozenClock
    reporter: Reporter
    resource_id: ResourceId
    booking: Booking
    offset: int = 0

    def report(self, state: ResourceState) -> None:
        self.offset += 1
        row = reported(self.reporter, self.resource_id, self.offset, state, at=self.clock.now())
        with transaction(self.sessions) as session:
            capacity.record_observations(session=session, clock=self.clock, rows=[row])
            flag_at_risk(session=session, clock=self.clock, resource_id=self.resource_id)

    def page(self, viewer: Principal = ANONYMOUS) -> PageModel:
        return read_park(self.door, self.clock, Settings(), viewer)

    @property
    def buyer(self) -> Principal:
        return member_of(self.booking.organisation_id)


def member_of(organisation_id: OrganisationId, *roles: Role) -> Principal:
    return Principal(organisation_id=organisation_id, roles=frozenset(roles or {Role.OWNER}))


@pytest.fixture
def door(sessions: Sessions) -> Iterator[Sessions]:
    """What the portal works with: row security shows it what the viewer may see."""
    with sessions_as(sessions) as door:
        yield door


@pytest.fixture
def mill(sessions: Sessions, door: Sessions, clock: FrozenClock) -> Mill:
    with committed(sessions, clock) as park:
        machine = park.resource()
        park.resource("lab_method", units=3)
        gateway = identity.create_gateway(
            session=park.session,
            clock=clock,
            organisation_id=park.owner,
            site_id=park.site_id,
            edge_node="edge-1",
        )
        capacity.bind_twin(
            session=park.session,
            clock=clock,
            organisation_id=park.owner,
            resource_id=machine.id,
            gateway_id=gateway.id,
            device="mill-1",
        )
        offer_id: OfferId = park.offer(machine)
        reporter = Reporter(park.owner, park.site_id, gateway.id)
        booked = hold(park.session, clock, park.buyer, machine, offer_id, start=START + 4 * HOUR)
    mill = Mill(sessions, door, clock, reporter, machine.id, booked)
    mill.report(ResourceState.IDLE)
    return mill


class TestTheBoard:
    def test_an_empty_park_has_empty_panels(self, door: Sessions, clock: FrozenClock) -> None:
        assert read_park(door, clock, Settings()) == PageModel(PARK_NAME, START, "Asia/Shanghai")

    def test_shows_every_kind_under_its_firm(self, mill: Mill) -> None:
        (firm,) = mill.page().firms
        assert (firm.name.en, firm.place and firm.place.zh) == ("Owner", "园区")
        machine, laboratory = firm.resources
        assert (machine.kind, machine.shown) == ("machine", ResourceState.IDLE)
        assert (laboratory.kind, laboratory.shown, laboratory.units) == (
            "lab_method",
            "declared",
            3,
        )

    def test_marks_a_verified_firm(self, mill: Mill) -> None:
        assert [firm.is_verified for firm in mill.page().firms] == [False]
        with transaction(mill.sessions) as session:
            session.connection().execute(text("UPDATE organisation SET verification = 'verified'"))
        assert [firm.is_verified for firm in mill.page().firms] == [True]

    def test_tells_the_free_time_left_between_bookings(self, mill: Mill) -> None:
        machine = mill.page().resources[0]
        assert machine.today.booked == (mill.booking.interval,)
        assert [(span.during, span.provenance) for span in machine.today.free] == [
            (Interval(START, START + 4 * HOUR), Provenance.MEASURED),
            (Interval(START + 5 * HOUR, machine.today.day.end), Provenance.MEASURED),
        ]
        assert machine.free_next_day_h == 23

    def test_counts_the_states(self, mill: Mill) -> None:
        counters = mill.page(mill.buyer).counters
        assert (counters.online, counters.idle, counters.down, counters.bookings) == (1, 1, 0, 1)


class TestAFault:
    def test_withdraws_free_time_flags_the_booking_and_ends_with_the_recovery(
        self, mill: Mill
    ) -> None:
        mill.clock.advance(HOUR)
        mill.report(ResourceState.DOWN)
        page = mill.page(mill.buyer)
        machine = page.resources[0]
        assert (machine.shown, machine.free_next_day_h) == (ResourceState.DOWN, 0)
        assert [(span.state, span.during.hours) for span in machine.today.states] == [
            (ResourceState.IDLE, 1)
        ]
        assert [line.booking.at_risk for line in page.bookings] == [True]
        (withdrawal,) = page.withdrawals
        assert (withdrawal.cause, withdrawal.withdrawn_at) == ("down", START + HOUR)

        mill.clock.advance(HOUR)
        mill.report(ResourceState.IDLE)
        page = mill.page(mill.buyer)
        assert page.resources[0].free_next_day_h == 23
        assert page.withdrawals[0].restored_at == START + 2 * HOUR
        assert [line.booking.at_risk for line in page.bookings] == [False]


class TestWhoLooks:
    def test_sees_the_bookings_it_makes_or_provides(self, mill: Mill, clock: FrozenClock) -> None:
        with transaction(mill.sessions) as session:
            stranger = identity.create_organisation(
                session=session,
                clock=clock,
                name="Stranger",
                name_zh="陌生",
                kind=OrganisationKind.FIRM,
            ).id
        lines = {
            name: [line.booking.id for line in mill.page(viewer).bookings]
            for name, viewer in (
                ("buyer", mill.buyer),
                ("provider", member_of(mill.booking.provider_id)),
                ("stranger", member_of(stranger)),
                ("anonymous", ANONYMOUS),
            )
        }
        own = [mill.booking.id]
        assert lines == {"buyer": own, "provider": own, "stranger": [], "anonymous": []}

    def test_sees_its_own_private_resources_if_it_manages(self, mill: Mill) -> None:
        with transaction(mill.sessions) as session:
            session.connection().execute(text("UPDATE resource SET visibility = 'private'"))
        owner = mill.booking.provider_id

        assert len(mill.page(member_of(owner, Role.SELLER)).resources) == 2
        assert mill.page(member_of(owner, Role.BUYER)).resources == ()
        assert mill.page(mill.buyer).resources == ()
        assert mill.page().resources == ()

    def test_has_a_page_with_bookings_of_what_it_may_see_no_more(self, mill: Mill) -> None:
        with transaction(mill.sessions) as session:
            session.connection().execute(text("UPDATE resource SET visibility = 'private'"))

        (line,) = mill.page(mill.buyer).bookings
        assert line.booking.id == mill.booking.id


class TestFreeHours:
    def test_of_overlapping_gaps_of_a_pool_are_counted_once(self) -> None:
        def gap(start: int, end: int, units: int) -> Gap:
            during = Interval(START + start * HOUR, START + end * HOUR)
            return Gap(RESOURCE, during, units, Provenance.DECLARED, None)

        assert unit_hours([gap(0, 2, 2), gap(0, 4, 1), gap(6, 7, 5)]) == 2 * 2 + 2 * 1 + 5
        assert unit_hours([]) == 0


class TestOverHttp:
    def test_the_page_panels_and_assets_are_served(self, mill: Mill) -> None:
        build()
        app = create_app(
            settings=Settings(),
            sessions=mill.door,
            clock=mill.clock,
            catalogue=load_taxonomy(),
        )
        mount(app)
        with served(app) as url, httpx.Client(base_url=url, trust_env=False) as client:
            page = client.get("/", headers={"accept-language": "en"})
            assert page.status_code == 200
            assert page.headers["content-encoding"] == "gzip"
            assert "default-src 'self'" in page.headers["content-security-policy"]
            assert 'data-state="idle"' in page.text
            own = Keyring(mill.sessions, mill.clock).header(str(mill.booking.organisation_id))
            panel = client.get("/portal/panels/bookings?lang=zh", headers=own)
            assert "Buyer" in panel.text
            assert "Buyer" not in client.get("/portal/panels/bookings?lang=zh").text
            assert client.get("/portal/panels/secrets").status_code == 422
            assert client.get("/static/nothing.js").json()["code"] == "asset-not-found"
            with client.stream("GET", "/portal/stream?lang=en") as stream:
                lines = stream.iter_lines()
                assert (
                    next(line for line in lines if line.startswith("event:")) == "event: snapshot"
                )
                cell = next(line for line in lines if f"{mill.resource_id}:state" in line)
                assert '"text": "Idle"' in cell
