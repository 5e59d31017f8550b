"""What each table refuses to be written, by plain SQL with nothing else in between."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any
from uuid import UUID

import psycopg.errors
import pytest
from psycopg import sql

from tests.integration.tenancy.asking import (
    TENANT,
    delete,
    place,
    select,
    settings,
    update,
)
from tests.integration.tenancy.world import (
    AT,
    PARK,
    Builder,
    Connection,
    World,
    context,
    insert,
)

pytestmark = pytest.mark.integration


class TestWritesAreRefused:
    """``rival`` owns rows of its own, so that nothing but the policies is in its way."""

    @pytest.mark.parametrize("caller", ["nobody", "anonymous", "rival", "neighbour", "partner"])
    @pytest.mark.parametrize("table", TENANT)
    def test_to_the_rows_of_another(
        self, app: Connection, world: World, table: str, caller: str
    ) -> None:
        row = world.maker.rows[table]
        column = next(name for name in row if name not in {"organisation_id", "id"})
        attempts: list[Callable[[], int]] = [
            lambda: update(app, table, {column: row[column]}, place(table, row)),
            lambda: update(app, table, {"organisation_id": world.rival.id}, place(table, row)),
            lambda: delete(app, table, place(table, row)),
        ]
        for attempt in attempts:
            with (
                context(app, **settings(world, caller)),
                suppress(psycopg.errors.InsufficientPrivilege),
            ):
                assert attempt() == 0

    @pytest.mark.parametrize("caller", ["nobody", "anonymous", "rival", "neighbour", "partner"])
    @pytest.mark.parametrize("table", TENANT)
    def test_to_rows_it_does_not_look_at_first(
        self, app: Connection, world: World, table: str, caller: str
    ) -> None:
        """Without a condition only the policies for writing stand in the way."""
        row = world.rival.rows[table]
        kept = {"organisation_id", "id"}
        if table == "booking":  # of two providers
            kept |= {"provider_id", "resource_id"}
        column = next(name for name in row if name not in kept)
        attempts = {
            "update": sql.SQL("UPDATE {} SET {} = {}").format(
                sql.Identifier(table), sql.Identifier(column), sql.Literal(row[column])
            ),
            "delete": sql.SQL("DELETE FROM {}").format(sql.Identifier(table)),
        }
        own = {"booking": 2}.get(table, 1) if caller == "rival" else 0
        for name, attempt in attempts.items():
            with (
                context(app, **settings(world, caller)),
                suppress(psycopg.errors.InsufficientPrivilege),
            ):
                if (caller, name) != ("rival", "delete"):
                    assert app.execute(attempt).rowcount == own, name

    @pytest.mark.parametrize("caller", ["nobody", "anonymous", "rival", "neighbour", "partner"])
    @pytest.mark.parametrize("table", TENANT)
    def test_in_the_name_of_another(
        self, app: Connection, world: World, table: str, caller: str
    ) -> None:
        with (
            context(app, **settings(world, caller)),
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            insert(app, table, world.maker.rows[table])

    @pytest.mark.parametrize("table", TENANT)
    def test_that_give_an_own_row_to_another(
        self, app: Connection, world: World, table: str
    ) -> None:
        row = world.rival.rows[table]
        given = {"organisation_id": world.maker.id}
        if table == "reservation":
            given["booked_by"] = world.maker.id
        if table == "booking":
            given["provider_id"] = world.maker.id
        if table == "gateway_member":  # its owner may let others use it
            given["owner_id"] = world.maker.id
        with (
            context(app, **settings(world, "rival")),
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            update(app, table, given, place(table, row))

    @pytest.mark.parametrize("table", ["resource", "offer", "listing"])
    def test_to_what_is_public(self, app: Connection, world: World, table: str) -> None:
        for caller in ("anonymous", "rival", "neighbour"):
            with context(app, **settings(world, caller)):
                assert select(app, table, "organisation_id", visibility="public")
                changed = {"visibility": "private"}
                assert update(app, table, changed, {"visibility": "public"}) == 0
                assert delete(app, table, {"visibility": "public"}) == 0

    @pytest.mark.parametrize("table", ["observation", "inbox_entry", "parked_event"])
    def test_to_what_is_the_workers(self, app: Connection, world: World, table: str) -> None:
        with (
            context(app, **settings(world, "managing")),
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            select(app, table, "xmin")

    def test_to_organisations_parks_and_memberships_of_another(
        self, app: Connection, world: World
    ) -> None:
        with context(app, **settings(world, "rival")):
            assert update(app, "organisation", {"name": "x"}, {"id": world.maker.id}) == 0
            assert update(app, "organisation", {"name": "x"}, {"id": world.rival.id}) == 1
            assert update(app, "park", {"name": "x"}, {"code": PARK}) == 0
            assert delete(app, "park_member", {"park": PARK}) == 0
            assert delete(app, "space_member", {"space_id": world.space_id}) == 0
        joining: list[tuple[str, dict[str, Any]]] = [
            ("park_member", {"park": PARK, "admitted_at": AT}),
            ("space_member", {"space_id": world.space_id, "joined_at": AT}),
            (
                "membership",
                {
                    "person_id": world.rival.person_id,
                    "roles": ["owner"],
                    "created_at": AT,
                    "organisation_id": world.maker.id,
                },
            ),
        ]
        for table, values in joining:
            with (
                context(app, **settings(world, "rival") | {"actor": world.rival.person_id}),
                pytest.raises(psycopg.errors.InsufficientPrivilege),
            ):
                insert(app, table, {"organisation_id": world.rival.id} | values)

    def test_to_the_outbox_are_all_one_may_do_there(self, app: Connection, world: World) -> None:
        event = {"event_id": world.space_id, "subject": "s", "created_at": AT, "payload": "{}"}
        with context(app, **settings(world, "rival")):
            insert(app, "outbox_event", event)
        for attempt in (
            lambda: select(app, "outbox_event", "seq"),
            lambda: app.execute("UPDATE outbox_event SET subject = 'x'").rowcount,
            lambda: app.execute("DELETE FROM outbox_event").rowcount,
        ):
            with (
                context(app, **settings(world, "rival")),
                pytest.raises(psycopg.errors.InsufficientPrivilege),
            ):
                attempt()


class TestKeysToAnothersRows:
    """A row is of the organisation it says it is of, and so is what it refers to."""

    def refused(self, app: Connection, world: World, table: str, **changed: Any) -> None:
        new = Builder(app).new_id()
        own = world.rival.rows[table]
        row = own | ({"id": new} if "id" in own else {}) | changed
        with (
            context(app, **settings(world, "rival")),
            pytest.raises(psycopg.errors.ForeignKeyViolation),
        ):
            insert(app, table, row)

    @pytest.mark.parametrize(
        "table",
        ["capability", "maintenance", "working_calendar", "resource_state", "reservation"],
    )
    def test_a_part_of_anothers_resource(self, app: Connection, world: World, table: str) -> None:
        changed: dict[str, Any] = {"resource_id": world.bare_resource_id}
        if table == "reservation":
            changed["during"] = "[2026-03-05 10:00Z, 2026-03-05 11:00Z)"
        self.refused(app, world, table, **changed)

    def test_a_gateway_or_a_resource_on_anothers_site(self, app: Connection, world: World) -> None:
        site_id = world.maker.rows["site"]["id"]
        self.refused(app, world, "gateway", site_id=site_id, edge_node="edge-9")
        self.refused(app, world, "resource", site_id=site_id)

    def test_a_twin_on_anothers_gateway(self, app: Connection, world: World) -> None:
        with context(app, **settings(world, "rival")):
            assert delete(app, "twin", {"resource_id": world.rival.rows["twin"]["resource_id"]})
            with pytest.raises(psycopg.errors.ForeignKeyViolation):
                insert(
                    app,
                    "twin",
                    world.rival.rows["twin"]
                    | {"gateway_id": world.maker.rows["gateway"]["id"], "device": "d"},
                )

    def test_a_member_of_anothers_gateway(self, app: Connection, world: World) -> None:
        self.refused(app, world, "gateway_member", gateway_id=world.maker.rows["gateway"]["id"])

    def test_a_listing_of_anothers_resource(self, app: Connection, world: World) -> None:
        new = Builder(app).new_id()
        self.refused(app, world, "listing", offer_id=new, resource_id=world.resources["public"])

    def test_a_booking_of_anothers_resource_as_ones_own(
        self, app: Connection, world: World
    ) -> None:
        self.refused(app, world, "booking", resource_id=world.resources["public"])

    def test_a_key_of_anothers_service_account(self, app: Connection, world: World) -> None:
        self.refused(
            app,
            world,
            "api_key",
            service_account_id=world.maker.rows["service_account"]["id"],
            token_hash=b"k" * 32,
        )


class TestBooking:
    """A buyer writes where it has no row of its own: in the provider's time."""

    def reservation(self, world: World, visibility: str, **changed: Any) -> dict[str, Any]:
        return {
            "booking_id": UUID(int=5),
            "resource_id": world.resources[visibility],
            "organisation_id": world.maker.id,
            "booked_by": world.rival.id,
            "unit": 0,
            "during": "[2026-03-09 10:00Z, 2026-03-09 11:00Z)",
        } | changed

    def test_a_buyer_takes_time_it_sees_and_gives_it_back(
        self, app: Connection, world: World
    ) -> None:
        taken = self.reservation(world, "public")
        with context(app, **settings(world, "rival")):
            insert(app, "reservation", taken)
            assert delete(app, "reservation", {"booking_id": taken["booking_id"]}) == 1

    @pytest.mark.parametrize("visibility", ["private", "organisation", "nda", "space", "park"])
    def test_it_takes_none_of_what_it_does_not_see(
        self, app: Connection, world: World, visibility: str
    ) -> None:
        with (
            context(app, **settings(world, "rival")),
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            insert(app, "reservation", self.reservation(world, visibility))

    def test_nobody_takes_time_in_the_name_of_another(self, app: Connection, world: World) -> None:
        with (
            context(app, **settings(world, "neighbour")),
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            insert(app, "reservation", self.reservation(world, "public"))

    def test_time_is_given_back_after_the_resource_was_hidden(
        self, app: Connection, administrator: Connection, world: World
    ) -> None:
        taken = self.reservation(world, "private")
        insert(administrator, "reservation", taken)
        try:
            with context(app, **settings(world, "rival")):
                assert delete(app, "reservation", {"booking_id": taken["booking_id"]}) == 1
            with context(app, **settings(world, "member")):
                assert delete(app, "reservation", {"booking_id": taken["booking_id"]}) == 1
        finally:
            delete(administrator, "reservation", {"booking_id": taken["booking_id"]})
