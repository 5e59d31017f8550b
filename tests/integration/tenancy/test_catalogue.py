"""The migrated database keeps the rules of tenancy, and a breach of any of them is seen."""

from collections.abc import Iterator

import psycopg
import pytest

from tests.integration.tenancy.catalogue import CHECKS, Connection, breaches

pytestmark = pytest.mark.integration

SEEDED: dict[str, tuple[str, str]] = {
    "a table without force": (
        "ALTER TABLE offer NO FORCE ROW LEVEL SECURITY",
        "table offer has no forced row security",
    ),
    "a table with row security switched off": (
        "ALTER TABLE offer DISABLE ROW LEVEL SECURITY",
        "table offer has no forced row security",
    ),
    "a new table without row security": (
        """CREATE TABLE notes (id uuid PRIMARY KEY, organisation_id uuid);
        ALTER TABLE notes OWNER TO nonagon_owner""",
        "table notes has no forced row security",
    ),
    "a new table of nobody": (
        """CREATE TABLE notes (id uuid PRIMARY KEY);
        ALTER TABLE notes OWNER TO nonagon_owner;
        ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
        ALTER TABLE notes FORCE ROW LEVEL SECURITY""",
        "table notes has no organisation_id",
    ),
    "an exception that is none": (
        "ALTER TABLE person ADD COLUMN organisation_id uuid",
        "person is listed as an exception (may belong to several organisations) and is none",
    ),
    "a table of a serving role": (
        "ALTER TABLE offer OWNER TO nonagon_app",
        "relation offer belongs to nonagon_app",
    ),
    "a sequence of the login": (
        "CREATE SEQUENCE loose",
        "relation loose belongs to nonagon",
    ),
    "a function of the login": (
        """CREATE FUNCTION one() RETURNS int LANGUAGE sql RETURN 1;
        REVOKE EXECUTE ON FUNCTION one() FROM PUBLIC""",
        "function one belongs to nonagon",
    ),
    "another schema": (
        "CREATE SCHEMA aside",
        "schema aside is one these rules do not look at",
    ),
    "a policy for everybody": (
        "CREATE POLICY lax ON offer FOR SELECT USING (organisation_id IS NOT NULL)",
        "policy lax on offer is for everybody",
    ),
    "a policy that shows everything": (
        "CREATE POLICY lax ON offer FOR SELECT TO nonagon_app USING (true)",
        "policy lax lets everything pass",
    ),
    "a policy that takes everything": (
        "CREATE POLICY lax ON offer FOR INSERT TO nonagon_app WITH CHECK (true)",
        "policy lax lets everything pass",
    ),
    "a policy that reads a setting for every row": (
        """CREATE POLICY slow ON offer FOR SELECT TO nonagon_app
        USING (organisation_id = nullif(current_setting('app.org', true), '')::uuid)""",
        "policy slow on offer reads a setting for every row",
    ),
    "a policy that reads a setting for every row of another table": (
        """CREATE POLICY slow ON offer FOR SELECT TO nonagon_app USING (EXISTS (
        SELECT FROM membership
         WHERE membership.organisation_id = current_setting('app.org', true)::uuid))""",
        "policy slow on offer reads a setting for every row",
    ),
    "a superuser": (
        "ALTER ROLE nonagon_app SUPERUSER",
        "role nonagon_app is a superuser, bypasses row security or makes roles or databases",
    ),
    "a role that bypasses": (
        "ALTER ROLE nonagon_worker BYPASSRLS",
        "role nonagon_worker is a superuser, bypasses row security or makes roles or databases",
    ),
    "an owner that bypasses": (
        "ALTER ROLE nonagon_owner BYPASSRLS",
        "role nonagon_owner is a superuser, bypasses row security or makes roles or databases",
    ),
    "a role that makes roles": (
        "ALTER ROLE nonagon_app CREATEROLE",
        "role nonagon_app is a superuser, bypasses row security or makes roles or databases",
    ),
    "a member of the owner": (
        "GRANT nonagon_owner TO nonagon_app",
        "role nonagon_app is a member of nonagon_owner",
    ),
    "a member of the owner who must ask": (
        "GRANT nonagon_owner TO nonagon_worker WITH INHERIT FALSE",
        "role nonagon_worker is a member of nonagon_owner",
    ),
    "a member of another serving role": (
        "GRANT nonagon_worker TO nonagon_region",
        "role nonagon_region is a member of nonagon_worker",
    ),
    "a role that reads everything": (
        "GRANT pg_read_all_data TO nonagon_region",
        "role nonagon_region is a member of pg_read_all_data",
    ),
    "a role that may create": (
        "GRANT CREATE ON SCHEMA public TO nonagon_worker",
        "role nonagon_worker may create in the schema or the database",
    ),
    "a plain foreign key": (
        """ALTER TABLE resource ADD UNIQUE (id);
        ALTER TABLE demand ADD COLUMN wanted_id uuid;
        ALTER TABLE demand ADD CONSTRAINT fk_plain FOREIGN KEY (wanted_id)
        REFERENCES resource (id)""",
        "foreign key fk_plain does not include the organisation",
    ),
    "a foreign key to another's row": (
        """ALTER TABLE maintenance ADD COLUMN other_id uuid;
        ALTER TABLE maintenance ADD CONSTRAINT fk_other FOREIGN KEY (other_id, resource_id)
        REFERENCES resource (organisation_id, id)""",
        "foreign key fk_other is of another's organisation",
    ),
    "a view with its owner's rights": (
        """CREATE VIEW all_offers AS SELECT * FROM offer;
        ALTER VIEW all_offers OWNER TO nonagon_owner""",
        "view all_offers reads with its owner's rights",
    ),
    "a materialised view": (
        """CREATE MATERIALIZED VIEW all_offers AS SELECT * FROM offer;
        ALTER MATERIALIZED VIEW all_offers OWNER TO nonagon_owner""",
        "view all_offers reads with its owner's rights",
    ),
    "a function with its owner's rights": (
        """CREATE FUNCTION offers() RETURNS bigint LANGUAGE sql SECURITY DEFINER
        AS 'SELECT count(*) FROM offer';
        ALTER FUNCTION offers() OWNER TO nonagon_owner;
        REVOKE EXECUTE ON FUNCTION offers() FROM PUBLIC""",
        "function offers works with its owner's rights",
    ),
    "a function for everybody": (
        """CREATE FUNCTION one() RETURNS int LANGUAGE sql RETURN 1;
        ALTER FUNCTION one() OWNER TO nonagon_owner""",
        "everybody has EXECUTE on function one",
    ),
    "a table for everybody": (
        "GRANT SELECT ON offer TO PUBLIC",
        "everybody has SELECT on relation offer",
    ),
    "a column for everybody": (
        "GRANT SELECT (title) ON offer TO PUBLIC",
        "everybody has SELECT on column offer.title",
    ),
    "a schema everybody makes things in": (
        "GRANT CREATE ON SCHEMA public TO PUBLIC",
        "everybody has CREATE on schema public",
    ),
    "whatever comes for everybody": (
        "ALTER DEFAULT PRIVILEGES FOR ROLE nonagon_owner GRANT SELECT ON TABLES TO PUBLIC",
        "everybody has SELECT on whatever nonagon_owner makes",
    ),
    "a privilege past row security": (
        "GRANT TRUNCATE ON offer TO nonagon_app",
        "role nonagon_app has TRUNCATE on offer",
    ),
    "a privilege that probes keys": (
        "GRANT REFERENCES ON offer TO nonagon_worker",
        "role nonagon_worker has REFERENCES on offer",
    ),
    "a privilege of who serves nobody": (
        "GRANT SELECT ON offer TO nonagon_migrator",
        "role nonagon_migrator, which serves nobody, has SELECT on offer",
    ),
    "a table for the region": (
        "GRANT SELECT ON offer TO nonagon_region",
        "nonagon_region may reach offer",
    ),
    "a column for the region": (
        "GRANT SELECT (title) ON offer TO nonagon_region",
        "nonagon_region may reach offer",
    ),
    "a grant no policy stands behind": (
        "GRANT SELECT ON observation TO nonagon_app",
        "role nonagon_app may select from observation, but no policy shows it a row",
    ),
}


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    """Whatever a test does, to roles of the server too, is rolled back."""
    with psycopg.connect(database_url) as connection:
        yield connection
        connection.rollback()


def test_the_migrated_database_breaks_no_rule(connection: Connection) -> None:
    assert "\n".join(breaches(connection)) == ""


@pytest.mark.parametrize("named", SEEDED)
def test_a_breach_is_told(connection: Connection, named: str) -> None:
    breach, told = SEEDED[named]
    connection.execute(breach.encode())

    assert told in breaches(connection)


def test_every_check_has_a_breach_it_tells(connection: Connection) -> None:
    silent = set(CHECKS)
    for breach, told in SEEDED.values():
        with connection.transaction(force_rollback=True):
            connection.execute(breach.encode())
            silent -= {check for check in CHECKS if told in check(connection)}

    assert silent == set()
