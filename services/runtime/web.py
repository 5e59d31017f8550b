"""What every context's routes share: who asks, the transaction, idempotent creation, language."""

import hashlib
from collections.abc import Callable, Iterator
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from fastapi import Depends, Header, Request, Response, Security
from pydantic import BaseModel, Field
from sqlmodel import Session, text

from services.contracts.access import Acting, Principal
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OrganisationId
from services.contracts.policies import POLICIES, Action, Decision, Policy, decide
from services.runtime.audit.recording import (
    Occasion,
    audit_request,
    begin_request,
    told_elsewhere,
)
from services.runtime.clock import Clock
from services.runtime.db import transaction

Language = Literal["en", "zh"]

IDEMPOTENCY_KEY_MAX = 200
ACCEPT_LANGUAGE_MAX = 200
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_SAVE = text(
    "UPDATE idempotency_key SET body = :body"
    " WHERE organisation_id = :organisation AND scope = :scope AND key = :key"
)
_SAVED = text(
    "SELECT request_hash, status, body FROM idempotency_key"
    " WHERE organisation_id = :organisation AND scope = :scope AND key = :key"
)


class IdempotencyKeyReusedError(DomainError):
    code: ClassVar[str] = "idempotency-key-reused"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = (
        "Idempotency-Key {key!r} was used for another request; send a new key for a new request."
    )
    zh: ClassVar[str] = "幂等键 {key!r} 已用于另一请求；新请求请使用新的键。"


class UnauthenticatedError(DomainError):
    code: ClassVar[str] = "unauthenticated"
    kind: ClassVar[ErrorKind] = ErrorKind.UNAUTHENTICATED
    en: ClassVar[str] = "To {en} one must be signed in; send a session or an API key."
    zh: ClassVar[str] = "{zh}需要登录；请提供会话或 API 密钥。"


class ForbiddenError(DomainError):
    code: ClassVar[str] = "forbidden"
    kind: ClassVar[ErrorKind] = ErrorKind.FORBIDDEN
    en: ClassVar[str] = (
        "Your roles do not let you {en}; act for an organisation in which you are: {roles}."
    )
    zh: ClassVar[str] = "您的角色无权{zh}；请以具备以下角色的组织身份操作：{roles}。"


class SecondFactorRequiredError(DomainError):
    code: ClassVar[str] = "second-factor-required"
    kind: ClassVar[ErrorKind] = ErrorKind.FORBIDDEN
    en: ClassVar[str] = "To {en} a second factor must be proven first; use a passkey or a code."
    zh: ClassVar[str] = "{zh}前须先完成第二因素验证；请使用通行密钥或验证码。"


class NotActingError(DomainError):
    code: ClassVar[str] = "organisation-required"
    kind: ClassVar[ErrorKind] = ErrorKind.FORBIDDEN
    en: ClassVar[str] = "You act for no organisation; choose one by PUT /session/organisation."
    zh: ClassVar[str] = "您尚未以任何组织身份操作；请用 PUT /session/organisation 选择。"


class OtherOrganisationError(DomainError):
    code: ClassVar[str] = "other-organisation"
    kind: ClassVar[ErrorKind] = ErrorKind.FORBIDDEN
    en: ClassVar[str] = (
        "You act for organisation {own}, not for {asked}; leave organisation_id out, or switch."
    )
    zh: ClassVar[str] = "您以组织 {own} 的身份操作，而非 {asked}；请省略 organisation_id 或切换。"


def _principal(request: Request) -> Principal:
    """Who asks; looked up once per request.

    Raises:
        CredentialInvalidError and its like: a credential came and is none.
    """
    known: Principal | None = getattr(request.state, "principal", None)
    if known is None:
        known = request.app.state.authenticate(request)
        request.state.principal = known
    return known


PrincipalDep = Annotated[Principal, Depends(_principal)]
"""Who asks, perhaps nobody in particular."""


class Requirement:
    """Lets a request pass that the policy of ``action`` lets pass."""

    def __init__(self, action: Action) -> None:
        self.action = action

    async def __call__(self, request: Request, principal: PrincipalDep) -> None:
        """Not a plain function: what a thread tells of its context is forgotten with it."""
        begin_request(_occasion(request, self.action), clock=request.app.state.clock)
        policy = POLICIES[self.action]
        decision = decide(policy, principal)
        if decision is Decision.UNAUTHENTICATED:
            raise UnauthenticatedError(en=policy.en, zh=policy.zh)
        if decision is Decision.FORBIDDEN:
            raise ForbiddenError(en=policy.en, zh=policy.zh, roles=_roles(policy))
        if decision is Decision.SECOND_FACTOR_REQUIRED:
            raise SecondFactorRequiredError(en=policy.en, zh=policy.zh)


def _occasion(request: Request, action: Action) -> Occasion:
    """What the audit trail says of a request; one that may change something is always told."""
    return Occasion(
        action=action.value,
        request_id=request.scope.get("nonagon.request_id"),
        path_ids=request.path_params,
        always=request.method not in SAFE_METHODS,
    )


def _roles(policy: Policy) -> str:
    return ", ".join(sorted(policy.who)) if isinstance(policy.who, frozenset) else "member"


def requires(action: Action) -> Any:
    """Declare what a route does: ``dependencies=[requires(Action.OFFER_PUBLISH)]``."""
    return Security(Requirement(action))


def _acting(principal: PrincipalDep) -> Acting:
    if principal.organisation_id is None:
        raise NotActingError
    return Acting(principal, principal.organisation_id)


ActingDep = Annotated[Acting, Depends(_acting)]
"""Who asks, for which organisation."""


OwnOrganisation = Annotated[
    UUID | None, Field(description="the organisation you act for; may be left out")
]
"""In bodies: naming another organisation than one's own is refused."""


def acting_organisation(acting: Acting, asked: UUID | None) -> OrganisationId:
    """The organisation a request speaks for; naming it is allowed, naming another is not.

    Raises:
        OtherOrganisationError: ``asked`` is not the one the caller acts for.
    """
    if asked is not None and asked != acting.organisation_id:
        raise OtherOrganisationError(own=acting.organisation_id, asked=asked)
    return acting.organisation_id


def _session(request: Request, principal: PrincipalDep) -> Iterator[Session]:
    with transaction(request.app.state.sessions, principal) as session:
        audit_request(session)
        yield session


def _clock(request: Request) -> Clock:
    clock: Clock = request.app.state.clock
    return clock


SessionDep = Annotated[Session, Depends(_session, scope="function")]
"""The request's one transaction, for who asks; committed before the response is sent."""
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


Elsewhere = Callable[[str, bytes], bytes | None]
"""Does what a request asks under a key and the hash of the request, and gives the saved answer.

``None``: it was not done, or nobody knows."""


class Creation:
    """Runs a creating use case once per ``Idempotency-Key``; repeats get the saved answer.

    The key, the work and the answer are committed together. Without the header, and for somebody
    who acts for no organisation, the work just runs.
    """

    def __init__(
        self,
        request: Request,
        session: SessionDep,
        clock: ClockDep,
        principal: PrincipalDep,
        idempotency_key: Annotated[
            str | None, Header(max_length=IDEMPOTENCY_KEY_MAX, min_length=1)
        ] = None,
    ) -> None:
        self._scope = f"{request.method} {request.url.path}"
        self._session = session
        self._clock = clock
        self._organisation_id = principal.organisation_id
        self._key = idempotency_key

    def once(
        self,
        asked: BaseModel | None,
        work: Callable[[], BaseModel],
        *,
        elsewhere: Elsewhere | None = None,
    ) -> Response:
        """Answer 201 with what ``work`` made, or the saved answer of an equal earlier request.

        Args:
            asked: what the request asks.
            work: makes it, in this transaction.
            elsewhere: asked first, if given: another process that may do it in a transaction of
                its own, under the same key. A request without a key gets one for both, so that an
                answer that was lost on the way is found.

        Raises:
            IdempotencyKeyReusedError: the key stands for a request with another body.
        """
        digest = hashlib.sha256(asked.model_dump_json().encode() if asked else b"").digest()
        if elsewhere is not None and self._organisation_id is not None:
            self._key = self._key or f"request {self._clock.new_id()}"
            body = elsewhere(self._key, digest)
            if body is not None:
                told_elsewhere(self._session)
                return _created(body)
        if self._key is None or self._organisation_id is None:
            return _created(work().model_dump_json().encode())
        claimed = self._session.connection().execute(
            text(
                "INSERT INTO idempotency_key"
                " (organisation_id, scope, key, request_hash, status, body, created_at)"
                " VALUES (:organisation, :scope, :key, :hash, 201, '', :now)"
                " ON CONFLICT DO NOTHING"
            ),
            {**self._place(), "hash": digest, "now": self._clock.now()},
        )
        return self._first(work) if claimed.rowcount else self._again(digest)

    def _first(self, work: Callable[[], BaseModel]) -> Response:
        body = work().model_dump_json().encode()
        self._session.connection().execute(_SAVE, {"body": body, **self._place()})
        return _created(body)

    def _again(self, digest: bytes) -> Response:
        saved = self._session.connection().execute(_SAVED, self._place()).one()
        if bytes(saved.request_hash) != digest:
            raise IdempotencyKeyReusedError(key=self._key)
        return _created(bytes(saved.body), status=saved.status)

    def _place(self) -> dict[str, Any]:
        return {"organisation": self._organisation_id, "scope": self._scope, "key": self._key}


CreationDep = Annotated[Creation, Depends()]


def _created(body: bytes, *, status: int = 201) -> Response:
    return Response(body, status_code=status, media_type="application/json")
