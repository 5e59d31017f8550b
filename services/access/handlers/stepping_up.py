"""Proving a second factor within a session, or adding one: what it takes, and how often."""

from datetime import timedelta
from typing import ClassVar, Final
from uuid import UUID

from services.access.domain.credentials import SignedIn
from services.access.handlers import factors
from services.access.handlers.composition import Access
from services.access.handlers.factors import TotpOffer
from services.access.handlers.sessions import make_strong, read_session
from services.access.handlers.signing_in import PasswordWrongError, as_person, prove_password
from services.access.store import passwords as password_store
from services.contracts.access import Principal
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import PersonId
from services.identity import handlers as identity
from services.runtime.audit.recording import audit_request, note
from services.runtime.db import transaction

FRESH: Final = timedelta(minutes=5)
"""How recently somebody without a password must have signed in to add a first second factor."""


class StrongNeededError(DomainError):
    code: ClassVar[str] = "second-factor-required"
    kind: ClassVar[ErrorKind] = ErrorKind.FORBIDDEN
    en: ClassVar[str] = "Prove the second factor you hold before adding another."
    zh: ClassVar[str] = "添加新的第二因素之前，请先验证已有的第二因素。"


class SignInAgainError(DomainError):
    code: ClassVar[str] = "sign-in-again"
    kind: ClassVar[ErrorKind] = ErrorKind.FORBIDDEN
    en: ClassVar[str] = (
        "You signed in more than {minutes} minutes ago; sign in again, then do this."
    )
    zh: ClassVar[str] = "您的登录已超过 {minutes} 分钟；请重新登录后再操作。"


def prove_later(
    *, access: Access, person_id: PersonId, session_id: UUID, code: str
) -> tuple[SignedIn, str]:
    """Make a session strong by a code; its token is replaced.

    Raises:
        TooManyTriesError: ten wrong codes in 15 minutes.
        FactorWrongError: this one is wrong.
    """
    tried = access.tries.count("factor", str(person_id))
    with transaction(access.sessions, as_person(person_id)) as session:
        audit_request(session)
        factors.prove_factor(session=session, clock=access.clock, person_id=person_id, code=code)
        renewed = make_strong(
            session=session, clock=access.clock, session_id=session_id, person_id=person_id
        )
    access.tries.take_back(tried)
    access.authenticator.forget(session_id)
    return renewed


def offer_totp(*, access: Access, principal: Principal, password: str | None) -> TotpOffer:
    """A secret for an authenticator app.

    Raises:
        StrongNeededError, SignInAgainError, PasswordWrongError, TooManyTriesError: not proven.
        TotpExistsError: one counts already.
    """
    person_id = may_add_factor(access=access, principal=principal, password=password)
    with transaction(access.sessions, as_person(person_id)) as session:
        person = identity.find_person(session=session, person_id=person_id)
        assert person is not None, "a session is a person's"
        return factors.offer_totp(
            session=session, clock=access.clock, person_id=person_id, email=person.email
        )


def confirm_totp(
    *, access: Access, person_id: PersonId, session_id: UUID, code: str
) -> tuple[list[str], SignedIn, str]:
    """Make the app count and the session strong; recovery codes, and the new token.

    Raises:
        TooManyTriesError, TotpMissingError, TotpExistsError, FactorWrongError: as they say.
    """
    tried = access.tries.count("factor", str(person_id))
    with transaction(access.sessions, as_person(person_id)) as session:
        audit_request(session)
        note(session, subject_kind="totp", subject_id=person_id)
        codes = factors.confirm_totp(
            session=session, clock=access.clock, person_id=person_id, code=code
        )
        signed_in, token = make_strong(
            session=session, clock=access.clock, session_id=session_id, person_id=person_id
        )
    access.tries.take_back(tried)
    access.authenticator.forget(session_id)
    return codes, signed_in, token


def may_add_factor(*, access: Access, principal: Principal, password: str | None) -> PersonId:
    """Whoever found a session open must not make it their own by adding a factor.

    Raises:
        StrongNeededError: a factor is held, and was not proven in this session.
        PasswordWrongError, TooManyTriesError: none is held, and the password was not proven.
        SignInAgainError: none is held, there is no password, and the sign-in is long ago.
    """
    assert principal.id is not None
    assert principal.credential_id is not None
    person_id = PersonId(principal.id)
    with transaction(access.sessions, as_person(person_id)) as session:
        is_held = factors.held_factors(session=session, person_id=person_id).any
        has_password = password_store.verifier_of(session, person_id) is not None
        opened = read_session(
            session=session, session_id=principal.credential_id, person_id=person_id
        )
    if is_held and not principal.strong:
        raise StrongNeededError
    if is_held:
        return person_id
    if not has_password and access.clock.now() - opened.created_at > FRESH:
        raise SignInAgainError(minutes=FRESH.seconds // 60)
    if has_password and password is None:
        raise PasswordWrongError
    if has_password and password is not None:
        prove_password(access=access, person_id=person_id, password=password)
    return person_id
