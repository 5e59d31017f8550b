"""A test's database as one of the platform's own roles works in it."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine

from services.runtime.database_roles import APP
from services.runtime.db import Sessions, engine_for, sessions_for


@contextmanager
def engine_as(sessions: Sessions, role: str, *, pool_max: int = 5) -> Iterator[Engine]:
    """Connections to the database of ``sessions`` that work as ``role``."""
    url = sessions.kw["bind"].url.render_as_string(hide_password=False)
    engine = engine_for(
        url.replace("postgresql+psycopg:", "postgresql:", 1),
        pool_max=pool_max,
        application=f"test-{role}",
        role=role,
    )
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def sessions_as(sessions: Sessions, role: str = APP, *, pool_max: int = 5) -> Iterator[Sessions]:
    """Sessions in the database of ``sessions`` that work as ``role``."""
    with engine_as(sessions, role, pool_max=pool_max) as engine:
        yield sessions_for(engine)
