"""Access as the HTTP door's database role sees it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from gateway.http.app import create_app
from marketplace.taxonomy.loader import load_taxonomy
from services.access.handlers.composition import Access, build_access
from services.access.handlers.verifying import PasswordVerifier
from services.runtime.database_roles import APP
from services.runtime.db import Sessions, engine_for, sessions_for
from services.runtime.settings import Settings
from tests.integration.access.accounts import Accounts
from tests.support.api import PLAIN, served
from tests.support.clock import FrozenClock


@pytest.fixture
def accounts(sessions: Sessions, clock: FrozenClock) -> Accounts:
    return Accounts(sessions, clock)


@pytest.fixture
def app_sessions(database_url: str) -> Iterator[Sessions]:
    """Transactions bound by row security."""
    engine = engine_for(database_url, pool_max=5, application="test-app", role=APP)
    yield sessions_for(engine)
    engine.dispose()


class CountingHashing:
    """Argon2id of next to no memory, counting how often it is reached."""

    def __init__(self) -> None:
        self.verified = 0
        self._argon2id = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))

    def hash(self, password: str) -> str:
        return self._argon2id.hash(password)

    def verify(self, password: str, hash: str) -> bool:  # noqa: A002 - pwdlib's name
        self.verified += 1
        return self._argon2id.verify(password, hash)


class Message(NamedTuple):
    email: str
    token: str
    expires_at: datetime


class Inbox:
    """A notifier that keeps what it was told."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def password_reset(
        self, *, message_id: UUID, email: str, locale: str, token: str, expires_at: datetime
    ) -> None:
        del message_id, locale
        self.messages.append(Message(email, token, expires_at))


@pytest.fixture
def hashing() -> CountingHashing:
    return CountingHashing()


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def access(
    app_sessions: Sessions,
    clock: FrozenClock,
    tmp_path: Path,
    hashing: CountingHashing,
    inbox: Inbox,
) -> Access:
    built = build_access(settings=Settings(state_dir=tmp_path), sessions=app_sessions, clock=clock)
    return replace(built, verifier=PasswordVerifier(hashing), notifier=inbox)


@pytest.fixture
def app(access: Access, app_sessions: Sessions, clock: FrozenClock) -> FastAPI:
    app = create_app(
        settings=Settings(trusted_proxies=("127.0.0.0/8",)),
        sessions=app_sessions,
        clock=clock,
        catalogue=load_taxonomy(),
    )
    app.state.access = replace(access, authenticator=app.state.authenticator)
    return app


@pytest.fixture
def client(app: FastAPI) -> Iterator[httpx.Client]:
    with (
        served(app) as url,
        httpx.Client(
            base_url=f"{url}/api/v1/", trust_env=False, verify=PLAIN, timeout=10
        ) as client,
    ):
        yield client
