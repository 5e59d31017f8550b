"""The world, its callers and the application, built once for all the probes."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

import pytest
from fastapi import FastAPI
from sqlalchemy import Engine

from gateway.http.app import create_app
from marketplace.taxonomy.loader import load_taxonomy
from services.runtime.clock import SystemClock
from services.runtime.database_roles import APP
from services.runtime.db import Sessions, engine_for
from services.runtime.files.storage import FolderStorage, documents_folder
from services.runtime.settings import Settings
from tests.access import tally
from tests.access.callers import Caller, callers
from tests.access.kinds import KINDS
from tests.access.matrix import Asker, Matrix
from tests.access.probing import Undone
from tests.access.rows import Rows
from tests.access.trust_things import left_about
from tests.access.world import World, found_organisations
from tests.support.servers import PostgresServer


@dataclass(frozen=True, repr=False)
class Stage:
    """Everything probes need."""

    app: FastAPI
    world: World
    callers: list[Caller]
    undone: Undone
    database_url: str

    @property
    def matrix(self) -> Matrix:
        return Matrix(self.app, self.world, self.callers, every=bool(tally.EVERY))

    def asker(self, app: FastAPI | None = None) -> Asker:
        return Asker(app or self.app, self.undone, self.world)


def application(sessions: Sessions, settings: Settings) -> FastAPI:
    """The real one."""
    return create_app(
        settings=settings,
        sessions=sessions,
        clock=SystemClock(),
        catalogue=load_taxonomy(),
    )


@pytest.fixture(scope="session")
def stage(
    postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    url = postgres_server.clone()
    engine = engine_for(url, pool_max=1, application="probes", role=APP)
    with closing(Rows(url)) as rows, _disposed(engine), engine.connect() as connection:
        settings = Settings(
            state_dir=tmp_path_factory.mktemp("state"),
            sign_in_per_minute=1_000_000,
            requests_per_minute=1_000_000,
        )
        world = World(rows, FolderStorage(documents_folder(settings)))
        found_organisations(world)
        made = list(callers(world))
        for params, make in KINDS.items():
            world.things[params] = list(make(world))
        left_about(world)
        undone = Undone(connection)
        yield Stage(application(undone.sessions, settings), world, made, undone, url)
    postgres_server.drop(url)


@contextmanager
def _disposed(engine: Engine) -> Iterator[None]:
    try:
        yield
    finally:
        engine.dispose()
