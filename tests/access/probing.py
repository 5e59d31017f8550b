"""Asks the real application, without a socket; what a probe changes is undone before the next."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import anyio.to_thread
import pytest
from fastapi import FastAPI
from sqlalchemy import Connection
from sqlalchemy.orm import sessionmaker
from sqlmodel import Session
from starlette.types import Message, Scope
from structlog.testing import capture_logs

from services.runtime.db import Sessions

HOST = "localhost"
"""Passkeys belong to a name."""


@contextmanager
def at_once() -> Iterator[None]:
    """Probes one after the other need no threads, and handing over to them is half their time."""

    async def run_sync(function: Callable[..., Any], *arguments: Any, **_: Any) -> Any:
        return function(*arguments)

    with pytest.MonkeyPatch.context() as patch, capture_logs():
        patch.setattr(anyio.to_thread, "run_sync", run_sync)
        yield


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    headers: Mapping[str, str]


class Undone:
    """Sessions of one connection, all within a transaction that is rolled back after each probe."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.sessions: Sessions = sessionmaker(
            connection,
            class_=Session,
            expire_on_commit=False,
            join_transaction_mode="create_savepoint",
        )

    @asynccontextmanager
    async def probe(self) -> AsyncIterator[None]:
        whole = self._connection.begin()
        try:
            yield
        finally:
            whole.rollback()


async def ask(
    app: FastAPI,
    method: str,
    path: str,
    *,
    query: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
) -> Answer:
    """One request; of an endless answer, its first piece."""
    sent: list[Message] = []
    heard = asyncio.Event()
    asked = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        if asked:
            return asked.pop()
        await heard.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)
        if message.get("body"):
            heard.set()

    await app(_scope(method, path, query or {}, headers or {}), receive, send)
    start = next(message for message in sent if message["type"] == "http.response.start")
    content = b"".join(message.get("body", b"") for message in sent)
    told = {name.decode(): value.decode() for name, value in start["headers"]}
    return Answer(start["status"], content, told)


def _scope(method: str, path: str, query: Mapping[str, Any], headers: Mapping[str, str]) -> Scope:
    named = {"host": HOST, **headers}
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": urlencode(query, doseq=True).encode(),
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in named.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
