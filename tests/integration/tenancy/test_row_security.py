"""What each table shows and refuses to whom, asked by plain SQL with nothing else in between."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any
from uuid import UUID

import psycopg.errors
import pytest
from psycopg import sql

from tests.integration.tenancy.world import (
    AT,
    OF_RESOURCE,
    OTHER_PARK,
    PARK,
    SHARED,
    VISIBILITIES,
    Builder,
    Connection,
    World,
    context,
    insert,
)

pytestmark = pytest.mark.integration

OWN = (
    "gateway",
    "gateway_member",
    "twin",
    "demand",
    "match",
    "service_account",
    "invitation",
    "membership",
    "api_key",
    "idempotency_key",
    "quarantine",
    "booking",
    "site",
)
"""Tables of which only the own rows are shown, or those one has a part in."""
TENANT = (*OWN, *SHARED, *OF_RESOURCE)
KEYS = {
    "gateway_member": "gateway_id",
    "twin": "resource_id",
    "listing": "offer_id",
    "membership": "person_id",
    "idempotency_key": "organisation_id",
    "resource_state": "resource_id",
    "working_calendar": "resource_id",
    "state_change": "resource_id",
    "reservation": "booking_id",
}
"""Columns that tell a row of the world from another, where ``id`` does not."""
CALLERS = (
    "nobody",
    "anonymous",
    "managing",
    "member",
    "rival",
    "neighbour",
    "partner",
    "elsewhere",
)


def settings(world: World, caller: str) -> dict[str, Any]:
    """What a transaction for ``caller`` is told."""
    unset = dict.fromkeys(("org", "actor", "manages", "parks", "spaces", "platform"), "")
    told: dict[str, dict[str, Any]] = {
        "anonymous": {},
        "managing": {"org": world.maker.id, "manages": "on"},
        "member": {"org": world.maker.id},
        "rival": {"org": world.rival.id, "manages": "on"},
        "neighbour": {"org": world.neighbour_id, "parks": f"{OTHER_PARK},{PARK}"},
        "partner": {"org": world.partner_id, "spaces": f"{world.space_id}", "manages": "on"},
        "elsewhere": {
            "org": world.operator_id,
            "parks": OTHER_PARK,
            "spaces": world.other_space_id,
            "manages": "on",
        },
    }
    return {} if caller == "nobody" else unset | told[caller]


SEES = {
    "nobody": {"public"},
    "anonymous": {"public"},
    "managing": set(VISIBILITIES),
    "member": set(VISIBILITIES) - {"private"},
    "rival": {"public"},
    "neighbour": {"public", "park"},
    "partner": {"public", "space"},
    "elsewhere": {"public"},
}


def select(connection: Connection, table: str, column: str, **where: Any) -> list[Any]:
    statement = sql.SQL("SELECT {} FROM {}").format(sql.Identifier(column), sql.Identifier(table))
    if where:
        statement += sql.SQL(" WHERE ") + _equal(where)
    return [row[0] for row in connection.execute(statement, list(where.values()))]


def update(
    connection: Connection, table: str, changed: dict[str, Any], where: dict[str, Any]
) -> int:
    statement = sql.SQL("UPDATE {} SET {} WHERE {}").format(
        sql.Identifier(table),
        sql.SQL(", ").join(sql.SQL("{} = %s").format(sql.Identifier(column)) for column in changed),
        _equal(where),
    )
    return connection.execute(statement, [*changed.values(), *where.values()]).rowcount


def delete(connection: Connection, table: str, where: dict[str, Any]) -> int:
    statement = sql.SQL("DELETE FROM {} WHERE {}").format(sql.Identifier(table), _equal(where))
    return connection.execute(statement, list(where.values())).rowcount


def _equal(where: dict[str, Any]) -> sql.Composed:
    return sql.SQL(" AND ").join(
        sql.SQL("{} = %s").format(sql.Identifier(column)) for column in where
    )


def place(table: str, row: dict[str, Any]) -> dict[str, Any]:
    """What finds ``row`` again."""
    column = KEYS.get(table, "id")
    return {column: row[column]}


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

    @pytest.mark.parametrize("visibility", ["private", "organisation", "space", "park"])
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


class TestRoles:
    @pytest.mark.parametrize(
        "statement",
        [
            "TRUNCATE offer",
            "ALTER TABLE offer DISABLE ROW LEVEL SECURITY",
            "DROP POLICY offer_read ON offer",
            "CREATE TABLE own_copy AS SELECT * FROM offer",
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql RETURN 1",
            "SET ROLE nonagon_owner",
            "SET ROLE nonagon_worker",
            "SET ROLE nonagon_app",
            "SET SESSION AUTHORIZATION nonagon_owner",
            "GRANT nonagon_owner TO nonagon_app",
            "ALTER ROLE nonagon_app BYPASSRLS",
            "COPY offer TO PROGRAM 'cat'",
        ],
    )
    @pytest.mark.parametrize("role", ["app", "worker"])
    def test_that_serve_cannot_change_the_rules(
        self, request: pytest.FixtureRequest, role: str, statement: str
    ) -> None:
        connection: Connection = request.getfixturevalue(role)
        if statement == f"SET ROLE nonagon_{role}":
            statement = "SET ROLE nonagon_migrator"
        with (
            connection.transaction(force_rollback=True),
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute(statement.encode())

    def test_row_security_off_shows_an_error_not_the_rows(
        self, app: Connection, world: World
    ) -> None:
        with context(app, **settings(world, "rival")):
            app.execute("SET LOCAL row_security = off")
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
                select(app, "resource", "id")

    def test_the_owner_is_bound_too(self, administrator: Connection) -> None:
        with administrator.transaction(force_rollback=True):
            administrator.execute("SET LOCAL ROLE nonagon_owner")
            for table in TENANT:
                assert select(administrator, table, "organisation_id") == []

    def test_the_worker_sees_everybody(self, worker: Connection, world: World) -> None:
        for table in TENANT:
            owners = set(select(worker, table, "organisation_id"))
            assert owners >= {world.maker.id, world.rival.id}, table

    def test_the_region_reads_nothing_but_what_is_granted(
        self, region: Connection, administrator: Connection, world: World
    ) -> None:
        relations = [
            row[0]
            for row in administrator.execute(
                "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
                " AND relkind IN ('r', 'v', 'm', 'p')"
            )
        ]
        readable = set()
        for relation in relations:
            with context(region, **settings(world, "managing")):
                try:
                    region.execute(
                        sql.SQL("SELECT FROM {} LIMIT 1").format(sql.Identifier(relation))
                    )
                except psycopg.errors.InsufficientPrivilege:
                    continue
                readable.add(relation)

        assert readable == {"alembic_version"}
