"""What every context's routes share: the transaction, the clock, idempotent creation, language."""

import hashlib
from collections.abc import Callable, Iterator
from typing import Annotated, ClassVar, Literal

from fastapi import Depends, Header, Request, Response
from pydantic import BaseModel
from sqlmodel import Session, text

from services.contracts.errors import DomainError, ErrorKind
from services.runtime.clock import Clock
from services.runtime.db import transaction

Language = Literal["en", "zh"]

IDEMPOTENCY_KEY_MAX = 200
ACCEPT_LANGUAGE_MAX = 200


class IdempotencyKeyReusedError(DomainError):
    code: ClassVar[str] = "idempotency-key-reused"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = (
        "Idempotency-Key {key!r} was used for another request; send a new key for a new request."
    )
    zh: ClassVar[str] = "幂等键 {key!r} 已用于另一请求；新请求请使用新的键。"


def _session(request: Request) -> Iterator[Session]:
    with transaction(request.app.state.sessions) as session:
        yield session


def _clock(request: Request) -> Clock:
    clock: Clock = request.app.state.clock
    return clock


SessionDep = Annotated[Session, Depends(_session, scope="function")]
"""The request's one transaction; committed before the response is sent."""
ClockDep = Annotated[Clock, Depends(_clock)]


def preferred_language(accept_language: str | None) -> Language:
    """``zh`` when the header (RFC 9110 §12.5.4) weighs Chinese above English, else ``en``."""
    best: Language = "en"
    best_weight = 0.0
    for item in (accept_language or "")[:ACCEPT_LANGUAGE_MAX].split(","):
        tag, _, parameter = item.strip().partition(";")
        weight = _weight(parameter)
        language = tag.strip().lower().partition("-")[0]
        if weight > best_weight and language in {"zh", "en"}:
            best, best_weight = ("zh" if language == "zh" else "en"), weight
    return best


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0


def _language(accept_language: Annotated[str | None, Header()] = None) -> Language:
    return preferred_language(accept_language)


LanguageDep = Annotated[Language, Depends(_language)]
"""The language to answer in, by the request's ``Accept-Language``."""


class Creation:
    """Runs a creating use case once per ``Idempotency-Key``; repeats get the saved answer.

    The key, the work and the answer are committed together. Without the header the work just runs.
    """

    def __init__(
        self,
        request: Request,
        session: SessionDep,
        clock: ClockDep,
        idempotency_key: Annotated[
            str | None, Header(max_length=IDEMPOTENCY_KEY_MAX, min_length=1)
        ] = None,
    ) -> None:
        self._scope = f"{request.method} {request.url.path}"
        self._session = session
        self._clock = clock
        self._key = idempotency_key

    def once(self, asked: BaseModel | None, work: Callable[[], BaseModel]) -> Response:
        """Answer 201 with what ``work`` made, or the saved answer of an equal earlier request.

        Raises:
            IdempotencyKeyReusedError: the key stands for a request with another body.
        """
        if self._key is None:
            return _created(work().model_dump_json().encode())
        digest = hashlib.sha256(asked.model_dump_json().encode() if asked else b"").digest()
        claimed = self._session.connection().execute(
            text(
                "INSERT INTO idempotency_key (scope, key, request_hash, status, body, created_at)"
                " VALUES (:scope, :key, :hash, 201, '', :now) ON CONFLICT DO NOTHING"
            ),
            {"scope": self._scope, "key": self._key, "hash": digest, "now": self._clock.now()},
        )
        return self._first(work) if claimed.rowcount else self._again(digest)

    def _first(self, work: Callable[[], BaseModel]) -> Response:
        body = work().model_dump_json().encode()
        self._session.connection().execute(
            text("UPDATE idempotency_key SET body = :body WHERE scope = :scope AND key = :key"),
            {"body": body, "scope": self._scope, "key": self._key},
        )
        return _created(body)

    def _again(self, digest: bytes) -> Response:
        saved = (
            self._session.connection()
            .execute(
                text(
                    "SELECT request_hash, status, body FROM idempotency_key"
                    " WHERE scope = :scope AND key = :key"
                ),
                {"scope": self._scope, "key": self._key},
            )
            .one()
        )
        if bytes(saved.request_hash) != digest:
            raise IdempotencyKeyReusedError(key=self._key)
        return _created(bytes(saved.body), status=saved.status)


CreationDep = Annotated[Creation, Depends()]


def _created(body: bytes, *, status: int = 201) -> Response:
    return Response(body, status_code=status, media_type="application/json")
