"""Sessions of people: opened, moved to another organisation, made strong, listed, ended."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlmodel import Session

from services.access.domain.credentials import (
    CLIENT_MAX,
    SESSION_LASTS,
    SESSIONS_PER_PERSON_MAX,
    SignedIn,
    Standing,
)
from services.access.domain.tokens import TokenKind
from services.access.handlers.authentication import CredentialInvalidError
from services.access.handlers.drawing import Drawn, draw
from services.access.store import sessions as store
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OrganisationId, PersonId
from services.identity import handlers as identity
from services.runtime.clock import Clock


class NoMemberError(DomainError):
    code: ClassVar[str] = "organisation-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "You are no member of an organisation {organisation_id}; see GET /session."
    zh: ClassVar[str] = "您不是组织 {organisation_id} 的成员；请查看 GET /session。"


class SessionNotFoundError(DomainError):
    code: ClassVar[str] = "session-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "You have no session {session_id}; list GET /sessions."
    zh: ClassVar[str] = "您没有会话 {session_id}；请查看 GET /sessions。"


def open_session(
    *,
    session: Session,
    clock: Clock,
    person_id: UUID,
    organisation_id: OrganisationId | None,
    client: str,
    strong: bool = False,
) -> tuple[SignedIn, str]:
    """A new session of somebody who has just proven who they are, and its token.

    The oldest sessions beyond ``SESSIONS_PER_PERSON_MAX`` are revoked. ``session`` must be bound to
    the person.
    """
    now = clock.now()
    drawn = draw(TokenKind.SESSION)
    opened = SignedIn(
        id=clock.new_id(),
        person_id=person_id,
        organisation_id=organisation_id,
        created_at=now,
        expires_at=now + SESSION_LASTS,
        last_seen_at=now,
        strong_at=now if strong else None,
        revoked_at=None,
        client=client[:CLIENT_MAX],
    )
    others = store.sessions_of_person(session, person_id, now)
    surplus = [other.id for other in others[SESSIONS_PER_PERSON_MAX - 1 :]]
    store.revoke_sessions(session, surplus, now)
    store.insert_session(session, opened, drawn.hash)
    return opened, drawn.text


def switch_organisation(
    *,
    session: Session,
    clock: Clock,
    session_id: UUID,
    person_id: UUID,
    organisation_id: OrganisationId,
) -> tuple[SignedIn, str]:
    """Act for another organisation from here on, under a new token.

    Raises:
        NoMemberError: the person is no member of it.
    """
    member = identity.find_membership(
        session=session, organisation_id=organisation_id, person_id=PersonId(person_id)
    )
    if member is None:
        raise NoMemberError(organisation_id=organisation_id)
    drawn = _renewed(session, clock, session_id, person_id, organisation_id=organisation_id)
    return _own(session, session_id, person_id), drawn.text


def make_strong(
    *, session: Session, clock: Clock, session_id: UUID, person_id: UUID
) -> tuple[SignedIn, str]:
    """Note that a second factor was proven, under a new token."""
    drawn = _renewed(session, clock, session_id, person_id, strong_at=clock.now())
    return _own(session, session_id, person_id), drawn.text


def read_session(*, session: Session, session_id: UUID, person_id: UUID) -> SignedIn:
    return _own(session, session_id, person_id)


def list_sessions(*, session: Session, clock: Clock, person_id: UUID) -> list[SignedIn]:
    """Those that still hold, newest first; at most ``SESSIONS_PER_PERSON_MAX``."""
    now = clock.now()
    found = store.sessions_of_person(session, person_id, now)
    return [one for one in found if one.standing(now) is Standing.VALID]


def revoke_session(*, session: Session, clock: Clock, session_id: UUID, person_id: UUID) -> None:
    """End one session.

    Raises:
        SessionNotFoundError: the person has no such session.
    """
    _own(session, session_id, person_id)
    store.revoke_sessions(session, [session_id], clock.now())


def revoke_all(*, session: Session, clock: Clock, person_id: UUID, keep: UUID | None = None) -> int:
    """End every session of the person but ``keep``; how many that were."""
    now = clock.now()
    found = store.sessions_of_person(session, person_id, now)
    return store.revoke_sessions(session, [one.id for one in found if one.id != keep], now)


def _renewed(
    session: Session,
    clock: Clock,
    session_id: UUID,
    person_id: UUID,
    *,
    organisation_id: OrganisationId | None = None,
    strong_at: datetime | None = None,
) -> Drawn:
    """Whoever knew the token before the change does not know the one after it."""
    held = _own(session, session_id, person_id)
    if held.standing(clock.now()) is not Standing.VALID:
        raise CredentialInvalidError
    drawn = draw(TokenKind.SESSION)
    store.replace_token(
        session,
        session_id,
        drawn.hash,
        organisation_id=organisation_id or held.organisation_id,
        strong_at=strong_at or held.strong_at,
    )
    session.expire_all()
    return drawn


def _own(session: Session, session_id: UUID, person_id: UUID) -> SignedIn:
    found = store.session_by_id(session, session_id, person_id)
    if found is None:
        raise SessionNotFoundError(session_id=session_id)
    return found
