"""Migrating from nothing, twice, and by two processes at once."""

import subprocess
import sys

import psycopg
import pytest

from services.runtime import migrations, schema_version
from services.runtime.schema_version import ROOT
from services.runtime.settings import child_environment
from tests.support.servers import PostgresServer

pytestmark = pytest.mark.integration


@pytest.fixture
def empty_url(postgres_server: PostgresServer) -> str:
    return postgres_server.empty()


def test_an_empty_database_reaches_the_newest_version_and_stays(empty_url: str) -> None:
    assert schema_version.current_version(empty_url) is None
    for _ in range(2):
        migrations.upgrade(empty_url)
        assert schema_version.current_version(empty_url) == schema_version.newest_version()


def test_two_processes_at_once_migrate_once(empty_url: str) -> None:
    racers = [
        subprocess.Popen(
            [sys.executable, "-m", "gateway.migrate"],
            cwd=ROOT,
            env=child_environment(database_url=empty_url),
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    said = [racer.communicate(timeout=90)[1] for racer in racers]
    assert [racer.returncode for racer in racers] == [0, 0], said
    with psycopg.connect(empty_url) as connection:
        versions = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    newest = schema_version.newest_version()
    assert versions == ([] if newest is None else [(newest,)])
