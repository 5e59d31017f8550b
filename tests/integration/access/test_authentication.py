"""A token becomes a principal: as what, until when, and how soon not any more."""

import time
from datetime import timedelta
from functools import partial
from typing import NamedTuple
from uuid import UUID

import pytest
from sqlalchemy import text

from services.access.domain.credentials import (
    KEY_LASTS_MAX,
    SESSION_IDLE,
    SESSION_LASTS,
    SESSIONS_PER_PERSON_MAX,
)
from services.access.handlers import keys
from services.access.handlers import sessions as session_handlers
from services.access.handlers.authentication import (
    REMEMBERED_S,
    Authenticator,
    CredentialExpiredError,
    CredentialInvalidError,
    CredentialRevokedError,
    authenticate,
)
from services.contracts.access import Principal, PrincipalKind, Role
from services.contracts.ids import OrganisationId, ServiceAccountId
from services.identity import handlers as identity
from services.runtime.db import Sessions, transaction
from services.runtime.tenancy import bind
from tests.integration.access.accounts import Accounts, acting_person
from tests.support.clock import FrozenClock

pytestmark = pytest.mark.integration


class Member(NamedTuple):
    person_id: UUID
    organisation_id: OrganisationId


@pytest.fixture
def member(accounts: Accounts) -> Member:
    organisation_id, person_id = accounts.organisation(), accounts.person()
    accounts.member(organisation_id, person_id, {Role.OWNER, Role.BUYER})
    accounts.in_park(organisation_id, "east")
    return Member(person_id, organisation_id)


class Door:
    """What the HTTP door does with sessions and keys, each in its own bound transaction."""

    def __init__(self, sessions: Sessions, clock: FrozenClock) -> None:
        self.sessions = sessions
        self.clock = clock

    def sign_in(self, member: Member, *, strong: bool = False) -> tuple[UUID, str]:
        with transaction(self.sessions) as session:
            bind(session, acting_person(member.person_id))
            opened, token = session_handlers.open_session(
                session=session,
                clock=self.clock,
                person_id=member.person_id,
                organisation_id=member.organisation_id,
                client="test",
                strong=strong,
            )
        return opened.id, token

    def revoke(self, member: Member, session_id: UUID) -> None:
        with transaction(self.sessions) as session:
            bind(session, acting_person(member.person_id))
            session_handlers.revoke_session(
                session=session,
                clock=self.clock,
                session_id=session_id,
                person_id=member.person_id,
            )

    def key(
        self, member: Member, account_id: ServiceAccountId, *, roles: frozenset[Role] | None = None
    ) -> tuple[UUID, str]:
        with transaction(self.sessions) as session:
            bind(session, acting_person(*member))
            key, token = keys.create_key(
                session=session,
                clock=self.clock,
                organisation_id=member.organisation_id,
                service_account_id=account_id,
                created_by=member.person_id,
                name="line 3",
                roles=roles,
            )
        return key.id, token

    def authenticate(self, token: str) -> Principal:
        return authenticate(sessions=self.sessions, clock=self.clock, token=token)


@pytest.fixture
def door(app_sessions: Sessions, clock: FrozenClock) -> Door:
    return Door(app_sessions, clock)


def test_a_session_is_its_person_with_the_roles_of_today(
    door: Door, member: Member, accounts: Accounts
) -> None:
    session_id, token = door.sign_in(member)
    assert door.authenticate(token) == Principal(
        kind=PrincipalKind.PERSON,
        id=member.person_id,
        organisation_id=member.organisation_id,
        roles=frozenset({Role.OWNER, Role.BUYER}),
        parks=frozenset({"east"}),
        credential_id=session_id,
    )
    accounts.leave(member.organisation_id, member.person_id)
    left = door.authenticate(token)
    assert (left.organisation_id, left.roles, left.parks) == (None, frozenset(), frozenset())


def test_a_key_is_its_account_with_the_narrower_roles(
    door: Door, member: Member, accounts: Accounts
) -> None:
    account_id = accounts.service_account(member.organisation_id)
    key_id, token = door.key(member, account_id, roles=frozenset({Role.BUYER}))
    assert door.authenticate(token) == Principal(
        kind=PrincipalKind.SERVICE_ACCOUNT,
        id=account_id,
        organisation_id=member.organisation_id,
        roles=frozenset({Role.BUYER}),
        parks=frozenset({"east"}),
        credential_id=key_id,
    )


def test_a_second_factor_makes_a_session_strong_and_no_key_ever_is(
    door: Door, member: Member, accounts: Accounts
) -> None:
    assert door.authenticate(door.sign_in(member, strong=True)[1]).strong
    assert not door.authenticate(door.sign_in(member)[1]).strong
    key = door.key(member, accounts.service_account(member.organisation_id))[1]
    assert not door.authenticate(key).strong


@pytest.mark.parametrize(
    "forged", ["", "nonsense", "ns_" + "0" * 64, "nk_" + "0" * 64, "nt_" + "0" * 64]
)
def test_forged_tokens_are_refused(door: Door, member: Member, forged: str) -> None:
    door.sign_in(member)
    with pytest.raises(CredentialInvalidError):
        door.authenticate(forged)


def test_expired_tokens_are_refused(
    door: Door, member: Member, accounts: Accounts, clock: FrozenClock
) -> None:
    _, session_token = door.sign_in(member)
    _, key_token = door.key(member, accounts.service_account(member.organisation_id))
    clock.advance(SESSION_IDLE)
    with pytest.raises(CredentialExpiredError):
        door.authenticate(session_token)
    door.authenticate(key_token)
    clock.advance(KEY_LASTS_MAX)
    with pytest.raises(CredentialExpiredError):
        door.authenticate(key_token)


def test_use_keeps_a_session_from_idling_but_not_from_its_end(
    door: Door, member: Member, clock: FrozenClock
) -> None:
    _, token = door.sign_in(member)
    for _ in range(int(SESSION_LASTS / SESSION_IDLE) * 2 - 1):
        clock.advance(SESSION_IDLE / 2)
        door.authenticate(token)
    clock.advance(SESSION_IDLE / 2)
    with pytest.raises(CredentialExpiredError):
        door.authenticate(token)


def test_use_is_recorded_coarsely(
    door: Door, member: Member, clock: FrozenClock, sessions: Sessions
) -> None:
    session_id, token = door.sign_in(member)
    seen = text("SELECT last_seen_at FROM session WHERE id = :id")
    signed_in_at = clock.now()
    for after, expected in ((59, timedelta(0)), (1, timedelta(seconds=60))):
        clock.advance(timedelta(seconds=after))
        door.authenticate(token)
        with transaction(sessions) as session:
            found = session.connection().execute(seen, {"id": session_id}).scalar_one()
        assert found - signed_in_at == expected


def test_revoked_tokens_are_refused(door: Door, member: Member, accounts: Accounts) -> None:
    session_id, token = door.sign_in(member)
    door.revoke(member, session_id)
    with pytest.raises(CredentialRevokedError):
        door.authenticate(token)
    account_id = accounts.service_account(member.organisation_id)
    key_id, key = door.key(member, account_id)
    with transaction(door.sessions) as session:
        bind(session, acting_person(*member))
        keys.revoke_key(
            session=session,
            clock=door.clock,
            organisation_id=member.organisation_id,
            service_account_id=account_id,
            key_id=key_id,
        )
    with pytest.raises(CredentialRevokedError):
        door.authenticate(key)


def test_an_answer_is_remembered_for_half_a_second_and_no_longer(
    door: Door, member: Member
) -> None:
    session_id, token = door.sign_in(member)
    authenticator = Authenticator(sessions=door.sessions, clock=door.clock)
    known = authenticator(token)
    door.revoke(member, session_id)
    revoked_at = time.monotonic()
    assert authenticator(token) is known
    while authenticator.is_still_valid(token):
        assert time.monotonic() - revoked_at < 1
        time.sleep(0.01)
    assert time.monotonic() - revoked_at >= REMEMBERED_S - 0.2
    with pytest.raises(CredentialRevokedError):
        authenticator(token)


def test_what_is_forgotten_is_asked_again_at_once(door: Door, member: Member) -> None:
    session_id, token = door.sign_in(member)
    authenticator = Authenticator(sessions=door.sessions, clock=door.clock)
    authenticator(token)
    door.revoke(member, session_id)
    authenticator.forget(session_id)
    assert not authenticator.is_still_valid(token)


def test_switching_the_organisation_changes_the_token(
    door: Door, member: Member, accounts: Accounts, clock: FrozenClock
) -> None:
    other = accounts.organisation("Other")
    stranger = accounts.organisation("Stranger")
    accounts.member(other, member.person_id, {Role.SELLER})
    session_id, before = door.sign_in(member)
    switch = partial(
        session_handlers.switch_organisation,
        clock=clock,
        session_id=session_id,
        person_id=member.person_id,
    )
    with transaction(door.sessions) as session:
        bind(session, acting_person(*member))
        with pytest.raises(session_handlers.NoMemberError):
            switch(session=session, organisation_id=stranger)
        opened, after = switch(session=session, organisation_id=other)
    assert opened.organisation_id == other
    assert door.authenticate(after).roles == {Role.SELLER}
    with pytest.raises(CredentialInvalidError):
        door.authenticate(before)


def test_the_second_factor_changes_the_token(door: Door, member: Member) -> None:
    session_id, before = door.sign_in(member)
    with transaction(door.sessions) as session:
        bind(session, acting_person(*member))
        _, after = session_handlers.make_strong(
            session=session, clock=door.clock, session_id=session_id, person_id=member.person_id
        )
    strong = door.authenticate(after)
    assert strong.strong
    assert strong.organisation_id == member.organisation_id
    with pytest.raises(CredentialInvalidError):
        door.authenticate(before)


def test_the_oldest_session_gives_way(door: Door, member: Member, clock: FrozenClock) -> None:
    _, oldest = door.sign_in(member)
    for _ in range(SESSIONS_PER_PERSON_MAX):
        clock.advance(timedelta(seconds=1))
        _, newest = door.sign_in(member)
    with pytest.raises(CredentialRevokedError):
        door.authenticate(oldest)
    assert door.authenticate(newest).id == member.person_id


def test_the_table_holds_no_token(door: Door, member: Member, sessions: Sessions) -> None:
    _, token = door.sign_in(member)
    with transaction(sessions) as session:
        row = session.connection().execute(text("SELECT s::text FROM session s")).scalar_one()
    assert token not in row
    assert token[3:] not in row


def test_row_security_shows_a_credential_to_its_holder_alone(
    door: Door, member: Member, accounts: Accounts
) -> None:
    other = Member(accounts.person("zhao.min@example.com"), accounts.organisation("Other"))
    accounts.member(other.organisation_id, other.person_id)
    door.sign_in(member)
    door.key(member, accounts.service_account(member.organisation_id))
    for principal, seen in (
        (Principal(), 0),
        (acting_person(*other), 0),
        (acting_person(*member), 1),
    ):
        with transaction(door.sessions) as session:
            bind(session, principal)
            for table in ("session", "api_key"):
                count = session.connection().execute(text(f"SELECT count(*) FROM {table}"))  # noqa: S608 - a table's name
                assert count.scalar_one() == seen, (table, principal)


@pytest.mark.parametrize("lasts", [timedelta(0), KEY_LASTS_MAX + timedelta(days=1)])
def test_a_key_lasts_a_year_at_most(
    door: Door, member: Member, accounts: Accounts, lasts: timedelta
) -> None:
    account_id = accounts.service_account(member.organisation_id)
    with transaction(door.sessions) as session:
        bind(session, acting_person(*member))
        with pytest.raises(keys.KeyLastsTooLongError):
            keys.create_key(
                session=session,
                clock=door.clock,
                organisation_id=member.organisation_id,
                service_account_id=account_id,
                created_by=member.person_id,
                name="x",
                lasts=lasts,
            )


def test_a_key_cannot_be_wider_than_its_account(
    door: Door, member: Member, accounts: Accounts
) -> None:
    account_id = accounts.service_account(member.organisation_id, {Role.BUYER})
    with pytest.raises(keys.KeyWiderThanAccountError, match="owner"):
        door.key(member, account_id, roles=frozenset({Role.OWNER}))
    with pytest.raises(identity.ServiceAccountNotFoundError):
        door.key(member, ServiceAccountId(UUID(int=7)))
