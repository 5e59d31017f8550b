"""The migrated schema is the schema of the tables, to the last constraint."""

from collections.abc import Iterator

import psycopg
import pytest

from services.runtime import migrations, schema_version
from tests.support.schema import create_schema
from tests.support.servers import PostgresServer

pytestmark = pytest.mark.integration

CATALOGUE = {
    "columns": """
        SELECT table_name, column_name, udt_name, is_nullable, column_default, identity_generation
        FROM information_schema.columns WHERE table_schema = 'public'""",
    "constraints": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 't'""",
    "indexes": "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "extensions": "SELECT extname FROM pg_extension",
}


def catalogue(url: str, question: str) -> set[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return {
            row
            for row in connection.execute(CATALOGUE[question].encode())
            if "alembic_version" not in str(row[0])
        }


@pytest.fixture(scope="module")
def migrated_url(postgres_server: PostgresServer) -> Iterator[str]:
    url = postgres_server.empty()
    migrations.upgrade(url)
    yield url
    postgres_server.drop(url)


@pytest.fixture(scope="module")
def declared_url(postgres_server: PostgresServer) -> Iterator[str]:
    url = postgres_server.empty()
    create_schema(url)
    yield url
    postgres_server.drop(url)


@pytest.mark.parametrize("question", CATALOGUE)
def test_migrated_schema_equals_the_tables(
    migrated_url: str, declared_url: str, question: str
) -> None:
    migrated, declared = catalogue(migrated_url, question), catalogue(declared_url, question)
    assert migrated == declared


def test_alembic_finds_nothing_to_do(migrated_url: str) -> None:
    assert migrations.differences(migrated_url) == []


def test_a_second_upgrade_changes_nothing(migrated_url: str) -> None:
    before = {question: catalogue(migrated_url, question) for question in CATALOGUE}
    migrations.upgrade(migrated_url)
    assert {question: catalogue(migrated_url, question) for question in CATALOGUE} == before
    assert schema_version.current_version(migrated_url) == schema_version.newest_version()


def test_a_forgotten_constraint_is_noticed(
    postgres_server: PostgresServer, declared_url: str
) -> None:
    url = postgres_server.empty()
    migrations.upgrade(url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER TABLE reservation DROP CONSTRAINT ex_reservation_no_overlap")
    assert catalogue(url, "constraints") != catalogue(declared_url, "constraints")
    postgres_server.drop(url)
