"""Who presents this token: from session or API key to a principal, briefly remembered."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import replace
from time import monotonic
from typing import ClassVar, Final
from uuid import UUID

from sqlmodel import Session

from services.access.domain.credentials import Standing, narrowed
from services.access.domain.tokens import TokenKind, token_hash, token_kind
from services.access.store import keys as key_store
from services.access.store import sessions as session_store
from services.access.store import standing as standing_store
from services.contracts.access import Principal, PrincipalKind, Role
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OrganisationId, PersonId, ServiceAccountId
from services.identity import handlers as identity
from services.runtime.clock import Clock
from services.runtime.db import Sessions, transaction
from services.runtime.tenancy import bind

REMEMBERED_S: Final = 0.5
"""What is revoked anywhere is refused everywhere after this and one look-up: within 1 s."""
REMEMBERED_MAX: Final = 10_000


class CredentialInvalidError(DomainError):
    code: ClassVar[str] = "credential-invalid"
    kind: ClassVar[ErrorKind] = ErrorKind.UNAUTHENTICATED
    en: ClassVar[str] = "The token is none of ours, or was replaced by a newer one; sign in again."
    zh: ClassVar[str] = "令牌无效或已被新令牌取代；请重新登录。"


class CredentialExpiredError(DomainError):
    code: ClassVar[str] = "credential-expired"
    kind: ClassVar[ErrorKind] = ErrorKind.UNAUTHENTICATED
    en: ClassVar[str] = "The token has expired; sign in again, or use a newer API key."
    zh: ClassVar[str] = "令牌已过期；请重新登录，或使用新的 API 密钥。"


class CredentialRevokedError(DomainError):
    code: ClassVar[str] = "credential-revoked"
    kind: ClassVar[ErrorKind] = ErrorKind.UNAUTHENTICATED
    en: ClassVar[str] = "The token was revoked; sign in again, or use another API key."
    zh: ClassVar[str] = "令牌已被撤销；请重新登录，或使用其他 API 密钥。"


def authenticate(*, sessions: Sessions, clock: Clock, token: str) -> Principal:
    """Whoever presented ``token``, with the roles and reach it has right now.

    Runs in a transaction of its own, which also records the use, coarsely.

    Raises:
        CredentialInvalidError: no such token.
        CredentialExpiredError: past its end, or idle too long.
        CredentialRevokedError: somebody took it back.
    """
    kind = token_kind(token)
    if kind not in _READERS:
        raise CredentialInvalidError
    hashed = token_hash(token)
    with transaction(sessions) as session:
        bind(session, Principal(), credential=hashed)
        return _READERS[kind](session, clock, hashed)


def _of_session(session: Session, clock: Clock, hashed: bytes) -> Principal:
    found = session_store.session_of_token(session, hashed)
    if found is None:
        raise CredentialInvalidError
    now = clock.now()
    _refuse_unless_valid(found.standing(now))
    known = Principal(
        kind=PrincipalKind.PERSON,
        id=found.person_id,
        organisation_id=found.organisation_id,
        credential_id=found.id,
        strong=found.is_strong(now),
    )
    bind(session, known)
    if found.is_seen_again(now):
        session_store.touch_session(session, found.id, now)
    if found.organisation_id is None:
        return known
    member = identity.find_membership(
        session=session,
        organisation_id=found.organisation_id,
        person_id=PersonId(found.person_id),
    )
    if member is None:
        # Removed since: signed in still, but nobody's member.
        return replace(known, organisation_id=None)
    return _reaching(session, known, member.roles)


def _of_key(session: Session, clock: Clock, hashed: bytes) -> Principal:
    found = key_store.key_of_token(session, hashed)
    if found is None:
        raise CredentialInvalidError
    now = clock.now()
    _refuse_unless_valid(found.standing(now))
    known = Principal(
        kind=PrincipalKind.SERVICE_ACCOUNT,
        id=found.service_account_id,
        organisation_id=found.organisation_id,
        credential_id=found.id,
    )
    bind(session, known)
    if found.is_seen_again(now):
        key_store.touch_key(session, found.id, now)
    account = identity.get_service_account(
        session=session,
        organisation_id=found.organisation_id,
        account_id=ServiceAccountId(found.service_account_id),
    )
    return _reaching(session, known, narrowed(account.roles, found.roles))


def _reaching(session: Session, known: Principal, roles: frozenset[Role]) -> Principal:
    """With the roles and the communities of the organisation it acts for."""
    assert known.organisation_id is not None, "only who acts for one has roles"
    reach = identity.reach(session=session, organisation_id=known.organisation_id)
    return replace(known, roles=roles, parks=reach.parks, spaces=reach.spaces)


_READERS: Final[dict[TokenKind | None, Callable[[Session, Clock, bytes], Principal]]] = {
    TokenKind.SESSION: _of_session,
    TokenKind.API_KEY: _of_key,
}


def _refuse_unless_valid(found: Standing) -> None:
    if found is Standing.REVOKED:
        raise CredentialRevokedError
    if found is Standing.EXPIRED:
        raise CredentialExpiredError


class Authenticator:
    """:func:`authenticate`, remembering each answer for half a second; one per process.

    Refusals are not remembered: a session is good from the moment it is made.
    """

    def __init__(self, *, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock
        self._lock = threading.Lock()
        self._remembered: OrderedDict[bytes, tuple[float, Principal]] = OrderedDict()

    def __call__(self, token: str) -> Principal:
        """The principal of ``token``.

        Raises:
            CredentialInvalidError, CredentialExpiredError, CredentialRevokedError: it is no good.
        """
        remembered = self.recall(token)
        if remembered is not None:
            return remembered
        asked_at = monotonic()
        principal = authenticate(sessions=self._sessions, clock=self._clock, token=token)
        self._remember(token_hash(token), asked_at, principal)
        return principal

    def recall(self, token: str) -> Principal | None:
        """The principal of ``token`` if it was asked within the last half second; never waits."""
        with self._lock:
            found = self._remembered.get(token_hash(token))
        if found is None or monotonic() - found[0] >= REMEMBERED_S:
            return None
        return found[1]

    def holding(self, hashes: Collection[bytes]) -> dict[bytes, OrganisationId | None]:
        """Those of many tokens that still hold, with the organisation each acts for, in one query.

        For whoever keeps streams open; unlike :meth:`__call__` it counts as no use.
        """
        with transaction(self._sessions, Principal()) as session:
            return standing_store.holding(session, hashes, self._clock.now())

    def is_still_valid(self, token: str) -> bool:
        """Whether ``token`` still holds; for streams, which ask again and again.

        Asking counts as use, so that a page somebody watches keeps its session.
        """
        try:
            self(token)
        except (CredentialInvalidError, CredentialExpiredError, CredentialRevokedError):
            return False
        return True

    def forget(self, credential_id: UUID) -> None:
        """Ask the database next time: the credential was changed or revoked here."""
        with self._lock:
            known = [
                hashed
                for hashed, (_, principal) in self._remembered.items()
                if principal.credential_id == credential_id
            ]
            for hashed in known:
                del self._remembered[hashed]

    def _remember(self, hashed: bytes, asked_at: float, principal: Principal) -> None:
        with self._lock:
            self._remembered[hashed] = (asked_at, principal)
            self._remembered.move_to_end(hashed)
            while len(self._remembered) > REMEMBERED_MAX:
                self._remembered.popitem(last=False)
