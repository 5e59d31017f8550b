"""What the roles of the database may do, logged in as each of them."""

import psycopg.errors
import pytest
from psycopg import sql

from tests.integration.tenancy.asking import TENANT, select, settings
from tests.integration.tenancy.world import Connection, World, context

pytestmark = pytest.mark.integration


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
