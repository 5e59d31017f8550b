"""PostgreSQL through SQLAlchemy and psycopg 3; a session is one transaction, kept by the door."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

import psycopg
from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import sessionmaker
from sqlmodel import Session, SQLModel

from services.contracts.access import Principal
from services.runtime.tenancy import bind

Sessions = sessionmaker[Session]
WorkT = TypeVar("WorkT")
DEADLOCK_TRIES: Final = 3

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
SQLModel.metadata.naming_convention = NAMING_CONVENTION


def engine_for(
    database_url: str, *, pool_max: int, application: str, role: str | None = None
) -> Engine:
    """An engine whose connections run in UTC and name their ``application`` to the server.

    Args:
        database_url: ``postgresql://…`` as libpq writes it.
        pool_max: connections kept at most.
        application: shown in ``pg_stat_activity``.
        role: the role to work as, of which the login is a member; the login itself if not given.
    """
    options = "-c timezone=UTC -c lock_timeout=5000"
    if role is not None:
        options += f" -c role={role}"
    url = database_url.replace("postgresql://", "postgresql+psycopg://", 1)
    return create_engine(
        url,
        pool_size=pool_max,
        max_overflow=0,
        pool_pre_ping=True,
        connect_args={
            "application_name": f"nonagon-{application}",
            "options": options,
            "connect_timeout": 5,
        },
    )


def sessions_for(engine: Engine) -> Sessions:
    return sessionmaker(engine, class_=Session, expire_on_commit=False)


@contextmanager
def transaction(sessions: Sessions, principal: Principal | None = None) -> Iterator[Session]:
    """One transaction: committed when the block ends, rolled back when it raises.

    Args:
        sessions: where it comes from.
        principal: for whom it works; the process itself if not given.
    """
    with sessions() as session:
        if principal is not None:
            bind(session, principal)
        with session.begin():
            yield session


def all_or_nothing(session: Session, work: Callable[[], WorkT]) -> WorkT:
    """What ``work`` returns; what it wrote before it raised is undone, and the transaction goes on.

    PostgreSQL ends one of those that wait for each other in a circle: that one is tried again, with
    its locks given back, ``DEADLOCK_TRIES`` times in all.
    """
    for left in reversed(range(DEADLOCK_TRIES)):
        try:
            with session.begin_nested():
                return work()
        except OperationalError as error:
            if not (left and isinstance(error.orig, psycopg.errors.DeadlockDetected)):
                raise
    raise AssertionError("the last try returns or raises")
