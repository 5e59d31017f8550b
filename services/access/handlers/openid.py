"""Signing in with an account at an OpenID provider, once somebody linked it or it is new here.

An account is never taken over because an address is the same: whoever has a password here signs in
with it and links the other account then.
"""

import secrets
from typing import ClassVar, Final
from uuid import UUID

from sqlmodel import Session

from services.access.domain.tickets import LASTS, TicketPurpose
from services.access.domain.tokens import TokenKind, subject_hash, token_hash
from services.access.handlers.composition import Access
from services.access.handlers.drawing import draw
from services.access.handlers.provider import Begun, Claims, OpenIdProvider, OpenIdRefusedError
from services.access.handlers.signing_in import Opened, as_person, open_for
from services.access.handlers.stepping_up import may_add_factor
from services.access.store import outside_accounts as store
from services.access.store import tickets
from services.contracts.access import Principal
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import PersonId
from services.identity import handlers as identity
from services.runtime.db import transaction
from services.runtime.tenancy import bind

RANDOM_BYTES: Final = 32
NAME_MAX: Final = 200


class OpenIdOffError(DomainError):
    code: ClassVar[str] = "openid-off"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "No sign-in provider is set up; see NONAGON_OIDC_ISSUER."
    zh: ClassVar[str] = "未设置登录服务；见 NONAGON_OIDC_ISSUER。"


class OpenIdAddressError(DomainError):
    code: ClassVar[str] = "openid-address"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "The provider's account is not known here and cannot be taken on: {why} If you have an"
        " account here, sign in with it and link the other one."
    )
    zh: ClassVar[str] = (
        "该外部账号尚未关联，且无法自动注册；若您已有本平台账号，请先登录，再关联该外部账号。"
    )


class OutsideAccountTakenError(DomainError):
    code: ClassVar[str] = "outside-account-taken"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "The provider's account is linked already."
    zh: ClassVar[str] = "该外部账号已被关联。"


_NO_STATE: Final = "this browser did not begin it, or more than ten minutes ago."
_UNVERIFIED: Final = "its provider did not verify the e-mail address."
_TAKEN: Final = "its e-mail address has an account here."


def provider_of(access: Access) -> OpenIdProvider:
    """The configured provider.

    Raises:
        OpenIdOffError: there is none.
    """
    if access.openid is None:
        raise OpenIdOffError
    return access.openid


def begin(
    *, access: Access, redirect_uri: str, person_id: PersonId | None = None
) -> tuple[str, str]:
    """Where to send the browser, and the state it must come back with.

    Args:
        access: the door's.
        redirect_uri: where it comes back.
        person_id: who links the account; nobody: a sign-in.

    Raises:
        OpenIdOffError, OpenIdUnavailableError: as they say.
    """
    provider, drawn, now = provider_of(access), draw(TokenKind.TICKET), access.clock.now()
    begun = Begun(
        state=drawn.text,
        nonce=secrets.token_urlsafe(RANDOM_BYTES),
        verifier=secrets.token_urlsafe(RANDOM_BYTES),
        redirect_uri=redirect_uri,
    )
    url = provider.authorization_url(begun)
    with transaction(access.sessions) as session:
        bind(session, Principal(), credential=drawn.hash)
        tickets.insert_ticket(
            session,
            token_hash=drawn.hash,
            purpose=TicketPurpose.OPENID,
            person_id=person_id,
            facts={"nonce": begun.nonce, "verifier": begun.verifier, "redirect": redirect_uri},
            now=now,
            expires_at=now + LASTS[TicketPurpose.OPENID],
        )
    return url, drawn.text


def begin_link(
    *, access: Access, redirect_uri: str, principal: Principal, password: str | None
) -> tuple[str, str]:
    """As :func:`begin`, to link the account to whoever is signed in and proves it.

    Raises:
        StrongNeededError, SignInAgainError, PasswordWrongError, TooManyTriesError: not proven.
    """
    provider_of(access)
    person_id = may_add_factor(access=access, principal=principal, password=password)
    return begin(access=access, redirect_uri=redirect_uri, person_id=person_id)


def finish(*, access: Access, state: str, held_state: str | None, code: str, client: str) -> Opened:
    """Open a session for whom the provider vouches.

    Args:
        access: the door's.
        state: what came back with the code.
        held_state: what the browser kept: somebody else's code must not sign it in.
        code: the provider's.
        client: the browser.

    Raises:
        OpenIdRefusedError, OpenIdUnavailableError, OpenIdOffError: as they say.
        OpenIdAddressError: the account is new, and its address unverified or taken.
        OutsideAccountTakenError: the account to link is linked.
    """
    provider = provider_of(access)
    if held_state is None or not secrets.compare_digest(state.encode(), held_state.encode()):
        raise OpenIdRefusedError(why=_NO_STATE)
    begun, person_id = _take(access, state)
    claims = provider.claims(begun, code, access.clock)
    hashed = subject_hash("openid", provider.issuer, claims.sub)
    known = _linked(access, hashed)
    if person_id is not None and known not in {None, person_id}:
        raise OutsideAccountTakenError
    owner = known or person_id or PersonId(access.clock.new_id())
    with transaction(access.sessions, as_person(owner)) as session:
        if known is None and person_id is None:
            _register(session, access, owner, claims)
        if known is None:
            store.insert_outside_account(
                session, hashed, owner, provider.issuer, access.clock.now()
            )
        return open_for(
            session=session, clock=access.clock, person_id=owner, client=client, strong=False
        )


def _take(access: Access, state: str) -> tuple[Begun, PersonId | None]:
    hashed = token_hash(state)
    with transaction(access.sessions) as session:
        bind(session, Principal(), credential=hashed)
        ticket = tickets.take_ticket(session, hashed, TicketPurpose.OPENID, access.clock.now())
    if ticket is None:
        raise OpenIdRefusedError(why=_NO_STATE)
    facts = ticket.facts
    begun = Begun(state, facts["nonce"], facts["verifier"], facts["redirect"])
    return begun, None if ticket.person_id is None else PersonId(ticket.person_id)


def _linked(access: Access, hashed: bytes) -> PersonId | None:
    with transaction(access.sessions) as session:
        bind(session, Principal(), credential=hashed)
        return store.person_of_outside_account(session, hashed)


def _register(session: Session, access: Access, person_id: UUID, claims: Claims) -> None:
    """A new person without a password and without an organisation."""
    if claims.email is None or not claims.email_verified:
        raise OpenIdAddressError(why=_UNVERIFIED)
    try:
        identity.create_person(
            session=session,
            person_id=PersonId(person_id),
            clock=access.clock,
            email=claims.email,
            name=(claims.name or claims.email)[:NAME_MAX],
            locale="en" if (claims.locale or "").startswith("en") else "zh",
        )
    except identity.EmailTakenError as error:
        raise OpenIdAddressError(why=_TAKEN) from error
