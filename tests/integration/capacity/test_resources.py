"""Registering resources of any kind, and reading them back."""

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, text

from services.capacity import handlers
from services.capacity.domain import (
    CalendarError,
    CapabilityDeclaration,
    CapacityRule,
    Certificate,
    InvalidResourceError,
    UnknownServiceCodeError,
)
from services.identity import handlers as identity
from services.identity.domain import OrganisationKind
from tests.integration.capacity.park import Park, build_park, register, told
from tests.support.clock import FrozenClock

MILLING = CapabilityDeclaration(
    process="machining.milling",
    materials=("steel", "aluminium"),
    envelope_mm=(800, 400, 500),
    tolerance_um=10,
    certificates=(
        Certificate("iso-9001", "milling", "N1", "TÜV", date(2027, 1, 1), "Park office"),
    ),
    attributes={"axes": 5, "coolant": ["emulsion"]},
)

pytestmark = pytest.mark.integration


@pytest.fixture
def park(session: Session, clock: FrozenClock) -> Park:
    return build_park(session, clock)


class TestRegister:
    def test_what_was_registered_is_read_back(
        self, session: Session, clock: FrozenClock, park: Park
    ) -> None:
        rule = CapacityRule(5, 10, 15, 20, 30, 1.5)
        resource = register(
            session, clock, park, units=3, rule=rule, capabilities=[MILLING, MILLING]
        )
        session.expunge_all()
        assert handlers.get_resource(session=session, resource_id=resource.id) == resource

    def test_is_told_downstream(self, session: Session, clock: FrozenClock, park: Park) -> None:
        resource = register(session, clock, park, kind="software_seats", units=80)
        ((name, payload),) = told(session)
        assert (name, payload["resource_id"], payload["kind"]) == (
            "resource-registered",
            str(resource.id),
            "software_seats",
        )

    @pytest.mark.parametrize(
        ("capability", "names"),
        [
            (replace(MILLING, process="unknown"), "process 'unknown'"),
            (replace(MILLING, materials=("steel", "unknown")), "material 'unknown'"),
            (replace(MILLING, certificates=(Certificate("unknown"),)), "certificate 'unknown'"),
        ],
    )
    def test_a_code_the_taxonomy_does_not_know_is_named(
        self,
        session: Session,
        clock: FrozenClock,
        park: Park,
        capability: CapabilityDeclaration,
        names: str,
    ) -> None:
        with pytest.raises(UnknownServiceCodeError, match=names):
            register(session, clock, park, capabilities=[capability])

    def test_facts_that_cannot_be_true_are_named(
        self, session: Session, clock: FrozenClock, park: Park
    ) -> None:
        with pytest.raises(InvalidResourceError, match="units is 0"):
            register(session, clock, park, units=0)
        with pytest.raises(InvalidResourceError, match="timezone is 'Asia/Wuhan'"):
            register(session, clock, park, timezone="Asia/Wuhan")
        with pytest.raises(InvalidResourceError, match="kind is 'A mill'"):
            register(session, clock, park, kind="A mill")
        with pytest.raises(InvalidResourceError, match="notice_minutes is -1"):
            register(session, clock, park, rule=CapacityRule(notice_minutes=-1))
        with pytest.raises(InvalidResourceError, match="minimum_hours is 0"):
            register(session, clock, park, rule=CapacityRule(minimum_hours=0))
        with pytest.raises(InvalidResourceError, match="envelope_mm"):
            register(session, clock, park, capabilities=[replace(MILLING, envelope_mm=(1, 0, 1))])

    def test_a_malformed_calendar_is_refused(
        self, session: Session, clock: FrozenClock, park: Park
    ) -> None:
        with pytest.raises(CalendarError, match="line 1"):
            register(session, clock, park, calendar_ics="always")

    def test_the_site_must_be_the_owners(
        self, session: Session, clock: FrozenClock, park: Park
    ) -> None:
        other = identity.create_organisation(
            session=session, clock=clock, name="Lab", name_zh="实验室", kind=OrganisationKind.LAB
        )
        stranger = replace(park, organisation_id=other.id)
        with pytest.raises(InvalidResourceError, match="site of the organisation"):
            register(session, clock, stranger)


class TestList:
    def test_pages_follow_each_other_by_id(
        self, session: Session, clock: FrozenClock, park: Park
    ) -> None:
        made = [register(session, clock, park, name=f"Mill {n}").id for n in range(5)]
        first = handlers.list_resources(session=session, after=None, limit=3)
        rest = handlers.list_resources(session=session, after=first[-1].id, limit=3)
        assert [resource.id for resource in [*first, *rest]] == made

    def test_is_narrowed_by_kind_and_owner(
        self, session: Session, clock: FrozenClock, park: Park
    ) -> None:
        mill = register(session, clock, park)
        expert = register(session, clock, park, kind="expert")
        listed = handlers.list_resources(session=session, after=None, limit=9, kind="expert")
        assert [resource.id for resource in listed] == [expert.id]
        owned = handlers.list_resources(
            session=session, after=None, limit=9, organisation_id=park.organisation_id
        )
        assert {resource.id for resource in owned} == {mill.id, expert.id}


class TestDatabaseGuards:
    @pytest.mark.parametrize(
        "change",
        [
            "UPDATE resource SET units = 0",
            "UPDATE resource SET kind = 'A mill'",
            "UPDATE resource SET visibility = 'secret'",
            "UPDATE resource SET notice_minutes = -1",
            "UPDATE resource SET minimum_hours = 0",
            "UPDATE capability SET envelope_mm = ARRAY[1, 2]",
            "UPDATE capability SET envelope_mm = ARRAY[1, 0, 2]",
            "UPDATE capability SET tolerance_um = 0",
            "UPDATE capability SET attributes = '[]'",
            "UPDATE site SET region_code = '042010'",
            "UPDATE site SET code = 'A/B'",
            "UPDATE organisation SET uscc = 'x'",
            "UPDATE organisation SET kind = 'club'",
        ],
    )
    def test_refuse_what_the_code_would(
        self, session: Session, clock: FrozenClock, park: Park, change: str
    ) -> None:
        register(session, clock, park, capabilities=[MILLING])
        with pytest.raises(IntegrityError, match="violates check constraint"):
            session.connection().execute(text(change))
