"""What each table shows to whom, asked by plain SQL with nothing else in between."""

import psycopg.errors
import pytest

from tests.integration.tenancy.asking import CALLERS, OWN, SEES, place, select, settings, update
from tests.integration.tenancy.world import OF_RESOURCE, PARK, SHARED, Connection, World, context

pytestmark = pytest.mark.integration


class TestVisibility:
    @pytest.mark.parametrize("caller", CALLERS)
    @pytest.mark.parametrize("table", SHARED)
    def test_shows_a_thing_to_whom_it_is_open(
        self, app: Connection, world: World, table: str, caller: str
    ) -> None:
        with context(app, **settings(world, caller)):
            shown = select(app, table, "visibility", organisation_id=world.maker.id)

        assert sorted(shown) == sorted(SEES[caller])

    @pytest.mark.parametrize("caller", CALLERS)
    @pytest.mark.parametrize("table", OF_RESOURCE)
    def test_shows_what_belongs_to_a_resource_to_who_sees_that(
        self, app: Connection, world: World, table: str, caller: str
    ) -> None:
        by_id = {resource_id: visibility for visibility, resource_id in world.resources.items()}
        with context(app, **settings(world, caller)):
            shown = select(app, table, "resource_id", organisation_id=world.maker.id)

        expected = SEES[caller]
        if table == "reservation" and caller == "member":
            expected = expected | {"private"}  # times taken of the own firm, whoever asks there
        assert {by_id[one] for one in shown} == expected

    def test_of_a_park_one_is_not_in_is_none(self, app: Connection, world: World) -> None:
        near = settings(world, "neighbour")
        for parks in ("", f"{PARK}x", f"x{PARK}", f"{PARK[:-1]}", "%"):
            with context(app, **near | {"parks": parks}):
                shown = select(app, "resource", "visibility", organisation_id=world.maker.id)
                assert shown == ["public"], parks

    @pytest.mark.parametrize("setting", ["org", "actor", "spaces"])
    def test_of_a_context_that_is_no_id_is_an_error_not_an_opening(
        self, app: Connection, world: World, setting: str
    ) -> None:
        table = "membership" if setting == "actor" else "resource"
        with (
            context(app, **settings(world, "rival") | {setting: "' OR true --"}),
            pytest.raises(psycopg.errors.InvalidTextRepresentation),
        ):
            select(app, table, "organisation_id")

    def test_of_sites_follows_their_resources(self, app: Connection, world: World) -> None:
        hidden = world.rival.rows["site"]["id"]
        for caller in ("anonymous", "managing", "neighbour"):
            with context(app, **settings(world, caller)):
                shown = select(app, "site", "id")
                assert hidden not in shown  # its one resource is private
                assert world.maker.rows["site"]["id"] in shown


class TestOwnRows:
    @pytest.mark.parametrize("table", [table for table in OWN if table != "site"])
    def test_are_shown_to_their_organisation_only(
        self, app: Connection, world: World, table: str
    ) -> None:
        row = world.maker.rows[table]
        shown_to = set()
        for caller in CALLERS:
            with context(app, **settings(world, caller)):
                if select(app, table, "organisation_id", **place(table, row)):
                    shown_to.add(caller)

        assert shown_to == {"managing", "member"}

    def test_of_a_booking_are_shown_to_both_sides(self, app: Connection, world: World) -> None:
        shown_to = set()
        for caller in CALLERS:
            with context(app, **settings(world, caller)):
                if select(
                    app, "booking", "id", organisation_id=world.rival.id, provider_id=world.maker.id
                ):
                    shown_to.add(caller)

        assert shown_to == {"managing", "member", "rival"}

    def test_of_quarantine_are_shown_to_the_system_administrator_too(
        self, app: Connection, world: World
    ) -> None:
        everything = {"org": world.operator_id, "platform": "system_admin"}
        with context(app, **settings(world, "anonymous") | everything):
            assert len(select(app, "quarantine", "id")) == 2
        for role in ("audit_admin", "security_admin", "system_admin,x", "on"):
            with context(app, **settings(world, "anonymous") | everything | {"platform": role}):
                assert select(app, "quarantine", "id") == []

    def test_a_person_is_shown_to_itself_and_to_colleagues(
        self, app: Connection, world: World
    ) -> None:
        person = {"id": world.maker.person_id}
        unset = settings(world, "anonymous")
        with context(app, **unset | {"actor": world.maker.person_id}):
            assert select(app, "person", "id") == [world.maker.person_id]
            assert select(app, "membership", "person_id") == [world.maker.person_id]
        with context(app, **unset | {"email": "maker@example.com"}):
            assert select(app, "person", "id") == [world.maker.person_id]
        with context(app, **settings(world, "member")):
            assert select(app, "person", "id") == [world.maker.person_id]
            assert update(app, "person", {"name": "another"}, person) == 0
        for caller in ("anonymous", "rival", "neighbour", "partner"):
            with context(app, **settings(world, caller)):
                assert select(app, "person", "id", **person) == []

    def test_a_space_is_shown_to_its_lead_and_its_members(
        self, app: Connection, world: World
    ) -> None:
        for caller, shown in (
            ("anonymous", []),
            ("rival", []),
            ("partner", [world.space_id]),
            ("elsewhere", [world.space_id, world.other_space_id]),
        ):
            with context(app, **settings(world, caller)):
                assert sorted(select(app, "space", "id")) == sorted(shown), caller
        with context(app, **settings(world, "rival")):
            assert select(app, "space_member", "space_id") == []
