"""Passkeys (WebAuthn Level 3): registered by somebody signed in, then a sign-in of their own.

User verification is required, so one passkey proves two factors: what one has, and who one is.
Attestation is not asked for: which make of authenticator somebody uses is not ours to know.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final
from uuid import UUID

from sqlmodel import Session

from services.access.domain.credentials import SignedIn
from services.access.domain.passkey import Passkey
from services.access.domain.relying_party import RelyingParty
from services.access.domain.tickets import LASTS, TicketPurpose
from services.access.domain.tokens import TokenKind, token_hash
from services.access.handlers.composition import Access
from services.access.handlers.drawing import draw
from services.access.handlers.sessions import make_strong
from services.access.handlers.signing_in import Opened, as_person, open_for
from services.access.handlers.stepping_up import may_add_factor
from services.access.store import passkeys as store
from services.access.store import tickets
from services.contracts.access import Principal
from services.contracts.deferred import Deferred
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import PersonId
from services.identity import handlers as identity
from services.runtime.audit.recording import audit_request, note
from services.runtime.db import transaction
from services.runtime.tenancy import bind

if TYPE_CHECKING:
    import webauthn
    from webauthn import helpers
    from webauthn.helpers import exceptions, structs
else:
    webauthn = Deferred("webauthn")
    helpers = Deferred("webauthn.helpers")
    exceptions = Deferred("webauthn.helpers.exceptions")
    structs = Deferred("webauthn.helpers.structs")

RELYING_PARTY_NAME: Final = "Nonagon"
PASSKEYS_MAX: Final = 10


class PasskeyRefusedError(DomainError):
    code: ClassVar[str] = "passkey-refused"
    kind: ClassVar[ErrorKind] = ErrorKind.UNAUTHENTICATED
    en: ClassVar[str] = "The passkey's answer was not accepted: {why} Begin again."
    zh: ClassVar[str] = "通行密钥的应答未被接受；请重新开始。"


class PasskeyNotAddedError(DomainError):
    code: ClassVar[str] = "passkey-not-added"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "The passkey was not added: {why} Begin again."
    zh: ClassVar[str] = "未能添加通行密钥；请重新开始。"


class PasskeyNotFoundError(DomainError):
    code: ClassVar[str] = "passkey-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "You have no passkey {passkey_id}; list GET /passkeys."
    zh: ClassVar[str] = "您没有通行密钥 {passkey_id}；请查看 GET /passkeys。"


class TooManyPasskeysError(DomainError):
    code: ClassVar[str] = "too-many-passkeys"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "You have {passkeys_max} passkeys; remove one first."
    zh: ClassVar[str] = "您已有 {passkeys_max} 个通行密钥；请先移除一个。"


_NO_TICKET: Final = "the challenge is unknown, used or older than five minutes."
_UNKNOWN: Final = "nobody registered this passkey here."
_OTHER_PERSON: Final = "it is not of the person it names."


@dataclass(frozen=True, slots=True)
class Ceremony:
    """``options`` go to the browser; ``ticket`` comes back with its answer."""

    ticket: str
    options: dict[str, Any]


def begin_registration(
    *, access: Access, party: RelyingParty, principal: Principal, password: str | None
) -> Ceremony:
    """What ``navigator.credentials.create`` is given.

    Raises:
        StrongNeededError, SignInAgainError, PasswordWrongError, TooManyTriesError: not proven.
        TooManyPasskeysError: the person has ten.
    """
    person_id = may_add_factor(access=access, principal=principal, password=password)
    with transaction(access.sessions, as_person(person_id)) as session:
        person = identity.find_person(session=session, person_id=person_id)
        assert person is not None, "a session is a person's"
        known = store.passkeys_of(session, person_id)
        if len(known) >= PASSKEYS_MAX:
            raise TooManyPasskeysError(passkeys_max=PASSKEYS_MAX)
        options = webauthn.generate_registration_options(
            rp_id=party.id,
            rp_name=RELYING_PARTY_NAME,
            user_id=person_id.bytes,
            user_name=person.email,
            user_display_name=person.name,
            timeout=_timeout_ms(TicketPurpose.PASSKEY_REGISTRATION),
            authenticator_selection=structs.AuthenticatorSelectionCriteria(
                resident_key=structs.ResidentKeyRequirement.REQUIRED,
                user_verification=structs.UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=[
                structs.PublicKeyCredentialDescriptor(id=passkey.credential) for passkey in known
            ],
        )
        ticket = _issue(
            session, access, TicketPurpose.PASSKEY_REGISTRATION, options.challenge, person_id
        )
    return Ceremony(ticket, helpers.options_to_json_dict(options))


def finish_registration(
    *,
    access: Access,
    party: RelyingParty,
    principal: Principal,
    ticket: str,
    name: str,
    credential: dict[str, Any],
) -> tuple[Passkey, SignedIn, str]:
    """Keep the passkey; the session is strong from here on, under a new token.

    Raises:
        PasskeyNotAddedError: no such challenge, or the answer does not fit it.
    """
    assert principal.id is not None
    assert principal.credential_id is not None
    person_id, session_id = PersonId(principal.id), principal.credential_id
    challenge = _take(access, ticket, TicketPurpose.PASSKEY_REGISTRATION, person_id)
    if challenge is None:
        raise PasskeyNotAddedError(why=_NO_TICKET)
    try:
        verified = webauthn.verify_registration_response(
            credential=json.dumps(credential),
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
            require_user_verification=True,
        )
    except _unacceptable() as error:
        raise PasskeyNotAddedError(why=_told(error)) from error
    passkey = Passkey(
        id=access.clock.new_id(),
        person_id=person_id,
        credential=verified.credential_id,
        public_key=verified.credential_public_key,
        sign_count=verified.sign_count,
        name=name,
        created_at=access.clock.now(),
        last_used_at=None,
    )
    with transaction(access.sessions, as_person(person_id)) as session:
        audit_request(session)
        note(session, subject_kind="passkey", subject_id=passkey.id)
        if not store.insert_passkey(session, passkey, _hash(passkey.credential)):
            raise PasskeyNotAddedError(why="it is registered already.")
        signed_in, token = make_strong(
            session=session, clock=access.clock, session_id=session_id, person_id=person_id
        )
    access.authenticator.forget(session_id)
    return passkey, signed_in, token


def begin_proof(*, access: Access, party: RelyingParty) -> Ceremony:
    """What ``navigator.credentials.get`` is given; nobody need say who they are."""
    options = webauthn.generate_authentication_options(
        rp_id=party.id,
        timeout=_timeout_ms(TicketPurpose.PASSKEY_PROOF),
        user_verification=structs.UserVerificationRequirement.REQUIRED,
    )
    with transaction(access.sessions, Principal()) as session:
        ticket = _issue(session, access, TicketPurpose.PASSKEY_PROOF, options.challenge, None)
    return Ceremony(ticket, helpers.options_to_json_dict(options))


def finish_proof(
    *, access: Access, party: RelyingParty, ticket: str, credential: dict[str, Any], client: str
) -> Opened:
    """Open a strong session for the owner of the passkey.

    Raises:
        PasskeyRefusedError: no such challenge or passkey, or the answer does not fit.
    """
    challenge = _take(access, ticket, TicketPurpose.PASSKEY_PROOF, None)
    if challenge is None:
        raise PasskeyRefusedError(why=_NO_TICKET)
    passkey = _presented(access, credential)
    try:
        named = helpers.parse_authentication_credential_json(credential).response.user_handle
        verified = webauthn.verify_authentication_response(
            credential=json.dumps(credential),
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        )
    except _unacceptable() as error:
        raise PasskeyRefusedError(why=_told(error)) from error
    if named != passkey.person_id.bytes:  # WebAuthn Level 3 §7.2, step 6
        raise PasskeyRefusedError(why=_OTHER_PERSON)
    with transaction(access.sessions, as_person(passkey.person_id)) as session:
        store.note_use(session, passkey.id, verified.new_sign_count, access.clock.now())
        return open_for(
            session=session,
            clock=access.clock,
            person_id=passkey.person_id,
            client=client,
            strong=True,
        )


def list_passkeys(*, session: Session, person_id: UUID) -> list[Passkey]:
    """At most ``PASSKEYS_MAX``, the oldest first."""
    return store.passkeys_of(session, person_id)


def remove_passkey(*, session: Session, person_id: UUID, passkey_id: UUID) -> None:
    """Forget a passkey.

    Raises:
        PasskeyNotFoundError: the person has no such passkey.
    """
    if not store.delete_passkey(session, person_id, passkey_id):
        raise PasskeyNotFoundError(passkey_id=passkey_id)


def _issue(
    session: Session,
    access: Access,
    purpose: TicketPurpose,
    challenge: bytes,
    person_id: UUID | None,
) -> str:
    drawn, now = draw(TokenKind.TICKET), access.clock.now()
    if person_id is None:
        bind(session, Principal(), credential=drawn.hash)
    tickets.insert_ticket(
        session,
        token_hash=drawn.hash,
        purpose=purpose,
        person_id=person_id,
        facts={"challenge": helpers.bytes_to_base64url(challenge)},
        now=now,
        expires_at=now + LASTS[purpose],
    )
    return drawn.text


def _take(
    access: Access, ticket: str, purpose: TicketPurpose, person_id: UUID | None
) -> bytes | None:
    """The challenge, once: it is gone before anything is verified, so no answer is tried twice."""
    hashed = token_hash(ticket)
    with transaction(access.sessions) as session:
        bind(session, Principal(), credential=hashed)
        taken = tickets.take_ticket(session, hashed, purpose, access.clock.now())
    if taken is None or taken.person_id != person_id:
        return None
    return helpers.base64url_to_bytes(taken.facts["challenge"])


def _presented(access: Access, credential: dict[str, Any]) -> Passkey:
    """The passkey the browser names, and nobody else's."""
    raw = credential.get("rawId")
    try:
        hashed = _hash(helpers.base64url_to_bytes(str(raw)))
    except ValueError as error:
        raise PasskeyRefusedError(why=_UNKNOWN) from error
    with transaction(access.sessions) as session:
        bind(session, Principal(), credential=hashed)
        found = store.passkey_of_hash(session, hashed)
    if found is None:
        raise PasskeyRefusedError(why=_UNKNOWN)
    return found


def _unacceptable() -> tuple[type[Exception], ...]:
    """The library's own, and what it lets through of malformed base64, CBOR and keys."""
    return exceptions.WebAuthnException, ValueError, LookupError, TypeError


def _told(error: Exception) -> str:
    """The library's sentence; of anything else only that it cannot be read."""
    return f"{error}." if isinstance(error, exceptions.WebAuthnException) else "it cannot be read."


def _hash(credential_id: bytes) -> bytes:
    return hashlib.sha256(credential_id).digest()


def _timeout_ms(purpose: TicketPurpose) -> int:
    return int(LASTS[purpose].total_seconds() * 1_000)
