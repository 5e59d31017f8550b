"""Becoming known: signing up, signing in with a password, setting and resetting it.

These run transactions of their own: no connection waits while Argon2 works, and a try that fails
stays counted.
"""

from dataclasses import dataclass
from typing import ClassVar, Final
from uuid import UUID

import structlog
from sqlmodel import Session

from services.access.domain.credentials import SignedIn
from services.access.domain.passwords import check_password
from services.access.domain.tickets import LASTS, TicketPurpose
from services.access.domain.tokens import TokenKind, token_hash
from services.access.handlers import factors
from services.access.handlers.composition import Access
from services.access.handlers.drawing import draw
from services.access.handlers.sessions import open_session, revoke_all
from services.access.store import passwords as store
from services.access.store import tickets
from services.contracts.access import Principal, PrincipalKind
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import PersonId
from services.identity import handlers as identity
from services.identity.domain import OrganisationKind, Person, normal_email
from services.runtime.audit.recording import audit_request, note
from services.runtime.clock import Clock
from services.runtime.db import transaction
from services.runtime.tenancy import bind

NOBODY: Final = PersonId(UUID(int=0))
"""Looked up in place of an unknown address, which must not answer sooner."""

log = structlog.get_logger(__name__)


class SignInFailedError(DomainError):
    code: ClassVar[str] = "sign-in-failed"
    kind: ClassVar[ErrorKind] = ErrorKind.UNAUTHENTICATED
    en: ClassVar[str] = "The address or the password is wrong; check both, or reset the password."
    zh: ClassVar[str] = "邮箱或密码错误；请核对，或重置密码。"


class PasswordWrongError(DomainError):
    code: ClassVar[str] = "password-wrong"
    kind: ClassVar[ErrorKind] = ErrorKind.FORBIDDEN
    en: ClassVar[str] = "The current password is wrong; nothing was changed."
    zh: ClassVar[str] = "当前密码错误；未作任何更改。"


class ResetInvalidError(DomainError):
    code: ClassVar[str] = "reset-invalid"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "The reset code is wrong, used or older than 30 minutes; ask for another."
    zh: ClassVar[str] = "重置码错误、已使用或已超过 30 分钟；请重新申请。"


@dataclass(frozen=True, slots=True)
class NewOrganisation:
    name: str
    name_zh: str
    kind: OrganisationKind
    uscc: str | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """A session just opened; ``token`` is told this once."""

    person: Person
    signed_in: SignedIn
    token: str


def sign_up(
    *,
    access: Access,
    email: str,
    password: str,
    name: str,
    locale: str,
    organisation: NewOrganisation | None,
    client: str,
) -> Opened:
    """Register a person, and the organisation they own unless they wait for an invitation.

    Raises:
        InvalidEmailError, EmailTakenError, PasswordRefusedError: about the person.
        InvalidUsccError, UsccTakenError, OrganisationKindReservedError: about the organisation.
        SignInBusyError: too many passwords are being worked on.
    """
    check_password(password, email=email, name=name)
    verifier = access.verifier.hash(password)
    person_id = PersonId(access.clock.new_id())
    principal = as_person(person_id)
    with transaction(access.sessions, principal) as session:
        person = identity.create_person(
            session=session,
            person_id=person_id,
            clock=access.clock,
            email=email,
            name=name,
            locale=locale,
        )
        store.put_password(session, person_id, verifier, access.clock.now())
        if organisation is not None:
            identity.found_organisation(
                session=session,
                clock=access.clock,
                principal=principal,
                name=organisation.name,
                name_zh=organisation.name_zh,
                kind=organisation.kind,
                uscc=organisation.uscc,
            )
        return _opened(session, access.clock, person, client=client, strong=False)


def sign_in(*, access: Access, email: str, password: str, code: str | None, client: str) -> Opened:
    """Open a session for whoever knows the password, and the second factor if there is one.

    Raises:
        TooManyTriesError: ten tries of this address in 15 minutes were wrong.
        SignInFailedError: nobody has this address and this password.
        FactorNeededError, FactorWrongError: the second factor is missing or wrong.
        SignInBusyError: too many passwords are being checked.
    """
    address = normal_email(email)
    tried = access.tries.count("password", address)
    person, verifier = _known(access, address)
    if not access.verifier.verify(password, verifier) or person is None:
        log.info("sign-in failed", person=None if person is None else str(person.id))
        raise SignInFailedError
    with transaction(access.sessions, as_person(person.id)) as session:
        strong = _proven(session, access.clock, person.id, code)
        if strong is not None:
            opened = _opened(session, access.clock, person, client=client, strong=strong)
    access.tries.take_back(tried)
    if strong is None:
        raise factors.FactorNeededError
    return opened


def set_password(
    *, access: Access, person_id: PersonId, current: str, new: str, keep: UUID
) -> None:
    """Change a password that is known; every other session ends.

    Raises:
        TooManyTriesError, PasswordWrongError, SignInBusyError: about ``current``.
        PasswordRefusedError: about ``new``.
    """
    person = prove_password(access=access, person_id=person_id, password=current)
    check_password(new, email=person.email, name=person.name)
    verifier = access.verifier.hash(new)
    with transaction(access.sessions, as_person(person_id)) as session:
        _store_password(session, access.clock, person_id, verifier, keep=keep)


def prove_password(*, access: Access, person_id: PersonId, password: str) -> Person:
    """Make sure that whoever holds the session knows the password too.

    Raises:
        TooManyTriesError, PasswordWrongError, SignInBusyError: as they say.
    """
    with transaction(access.sessions, as_person(person_id)) as session:
        person = identity.find_person(session=session, person_id=person_id)
        verifier = store.verifier_of(session, person_id)
    assert person is not None, "a session is a person's"
    tried = access.tries.count("password", person.email)
    if not access.verifier.verify(password, verifier):
        raise PasswordWrongError
    access.tries.take_back(tried)
    return person


def ask_for_reset(*, access: Access, email: str) -> None:
    """Send a single-use code to the address if somebody has it; nobody learns whether.

    Raises:
        TooManyTriesError: asked ten times in 15 minutes.
    """
    address = normal_email(email)
    access.tries.count("reset", address)
    person, _ = _known(access, address)
    if person is None:
        return
    now, drawn = access.clock.now(), draw(TokenKind.TICKET)
    expires_at = now + LASTS[TicketPurpose.PASSWORD_RESET]
    with transaction(access.sessions, as_person(person.id)) as session:
        tickets.delete_tickets_of(session, person.id, TicketPurpose.PASSWORD_RESET)
        tickets.insert_ticket(
            session,
            token_hash=drawn.hash,
            purpose=TicketPurpose.PASSWORD_RESET,
            person_id=person.id,
            facts={},
            now=now,
            expires_at=expires_at,
        )
    access.notifier.password_reset(
        message_id=access.clock.new_id(),
        email=person.email,
        locale=person.locale,
        token=drawn.text,
        expires_at=expires_at,
    )


def reset_password(*, access: Access, token: str, new: str) -> None:
    """Set a password by a reset code; every session ends, second factors stay.

    Raises:
        ResetInvalidError: the code is wrong, used or too old.
        PasswordRefusedError: the password is; the code stays good.
        SignInBusyError: too many passwords are being worked on.
    """
    hashed = token_hash(token)
    person = _of_reset(access, hashed)
    check_password(new, email=person.email, name=person.name)
    verifier = access.verifier.hash(new)
    with transaction(access.sessions) as session:
        bind(session, as_person(person.id), credential=hashed)
        taken = tickets.take_ticket(
            session, hashed, TicketPurpose.PASSWORD_RESET, access.clock.now()
        )
        if taken is None:
            raise ResetInvalidError
        _store_password(session, access.clock, person.id, verifier, keep=None)


def _of_reset(access: Access, hashed: bytes) -> Person:
    with transaction(access.sessions) as session:
        bind(session, Principal(), credential=hashed)
        found = tickets.find_ticket(
            session, hashed, TicketPurpose.PASSWORD_RESET, access.clock.now()
        )
        if found is None or found.person_id is None:
            raise ResetInvalidError
        bind(session, as_person(PersonId(found.person_id)))
        person = identity.find_person(session=session, person_id=PersonId(found.person_id))
    assert person is not None, "tickets go with their person"
    return person


def _store_password(
    session: Session, clock: Clock, person_id: UUID, verifier: str, *, keep: UUID | None
) -> None:
    audit_request(session)
    note(session, subject_kind="password", subject_id=person_id)
    store.put_password(session, person_id, verifier, clock.now())
    tickets.delete_tickets_of(session, person_id, TicketPurpose.PASSWORD_RESET)
    revoke_all(session=session, clock=clock, person_id=person_id, keep=keep)


def _known(access: Access, address: str) -> tuple[Person | None, str | None]:
    """The person of an address, and what their password is verified against."""
    with transaction(access.sessions) as session:
        bind(session, Principal(), email=address)
        person = identity.find_person_by_email(session=session, email=address)
        person_id = NOBODY if person is None else person.id
        bind(session, as_person(person_id))
        return person, store.verifier_of(session, person_id)


def _proven(session: Session, clock: Clock, person_id: UUID, code: str | None) -> bool | None:
    """Whether a second factor was proven; ``None``: one is needed and did not come."""
    if not factors.held_factors(session=session, person_id=person_id).any:
        return False
    if code is None:
        return None
    factors.prove_factor(session=session, clock=clock, person_id=person_id, code=code)
    return True


def open_for(
    *, session: Session, clock: Clock, person_id: PersonId, client: str, strong: bool
) -> Opened:
    """A session for somebody just proven; it acts for who they are a member of for longest."""
    person = identity.find_person(session=session, person_id=person_id)
    assert person is not None, "only people are proven"
    return _opened(session, clock, person, client=client, strong=strong)


def _opened(session: Session, clock: Clock, person: Person, *, client: str, strong: bool) -> Opened:
    """A session acting for the organisation the person has been a member of for longest."""
    memberships = identity.memberships_of(session=session, person_id=person.id)
    signed_in, token = open_session(
        session=session,
        clock=clock,
        person_id=person.id,
        organisation_id=memberships[0].organisation_id if memberships else None,
        client=client,
        strong=strong,
    )
    audit_request(session)
    note(session, subject_kind="session", subject_id=signed_in.id)
    return Opened(person, signed_in, token)


def as_person(person_id: PersonId) -> Principal:
    return Principal(kind=PrincipalKind.PERSON, id=person_id)
