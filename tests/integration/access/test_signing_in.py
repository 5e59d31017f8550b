"""Passwords: signing up and in, changing and resetting, and how often one may guess."""

import threading
import unicodedata
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import text

from services.access.domain.attempts import TRIES_MAX, WINDOW
from services.access.domain.passwords import PasswordRefusedError
from services.access.handlers import verifying
from services.access.handlers.attempts import TooManyTriesError
from services.access.handlers.authentication import CredentialRevokedError
from services.access.handlers.composition import Access
from services.access.handlers.notifying import FileNotifier
from services.access.handlers.signing_in import (
    NewOrganisation,
    Opened,
    PasswordWrongError,
    ResetInvalidError,
    SignInFailedError,
    ask_for_reset,
    reset_password,
    set_password,
    sign_in,
    sign_up,
)
from services.access.handlers.verifying import PasswordVerifier, SignInBusyError
from services.contracts.access import Role
from services.identity.domain import OrganisationKind
from services.identity.handlers import EmailTakenError
from services.runtime.db import Sessions, transaction
from tests.integration.access.conftest import CountingHashing, Inbox
from tests.support.clock import FrozenClock
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration

EMAIL = "lin.wei@example.com"
PASSWORD = "six lathes and a kiln"
OTHER = "seven lathes, no kiln"
COMMON = "password123"
COMPOSED = "Zürich öffnet früh"
WORKS = NewOrganisation("Works", "示例工厂", OrganisationKind.FIRM)


@pytest.fixture
def register(access: Access) -> Callable[..., Opened]:
    return partial(
        sign_up,
        access=access,
        email=EMAIL,
        password=PASSWORD,
        name="Wei Lin",
        locale="zh",
        organisation=WORKS,
        client="test",
    )


@pytest.fixture
def enter(access: Access) -> Callable[..., Opened]:
    return partial(sign_in, access=access, email=EMAIL, code=None, client="test")


def test_signing_up_makes_an_owner_who_is_signed_in(
    access: Access, register: Callable[..., Opened]
) -> None:
    opened = register()
    principal = access.authenticator(opened.token)
    assert principal.id == opened.person.id
    assert principal.organisation_id is not None
    assert principal.roles == {Role.OWNER}
    assert not principal.strong
    with pytest.raises(EmailTakenError):
        register(email=EMAIL.upper())


def test_who_waits_for_an_invitation_signs_up_alone(
    access: Access, register: Callable[..., Opened]
) -> None:
    principal = access.authenticator(register(organisation=None).token)
    assert (principal.organisation_id, principal.roles) == (None, frozenset())


def test_a_refused_sign_up_leaves_nothing(
    register: Callable[..., Opened], sessions: Sessions
) -> None:
    with pytest.raises(PasswordRefusedError):
        register(password=COMMON)
    register(organisation=None)
    with pytest.raises(EmailTakenError):
        register()
    with transaction(sessions) as session:
        count = session.connection().execute(text("SELECT count(*) FROM organisation"))
        assert count.scalar_one() == 0


def test_signing_in_opens_another_session(
    access: Access, register: Callable[..., Opened], enter: Callable[..., Opened]
) -> None:
    first, second = register(), enter(password=PASSWORD, email=f" {EMAIL.upper()} ")
    assert first.token != second.token
    assert access.authenticator(second.token).organisation_id is not None
    assert access.authenticator(first.token).id == access.authenticator(second.token).id


def test_passwords_are_compared_after_unicode_normalisation(
    register: Callable[..., Opened], enter: Callable[..., Opened]
) -> None:
    register(password=COMPOSED)
    enter(password=unicodedata.normalize("NFD", COMPOSED))


def test_an_unknown_address_answers_like_a_wrong_password(
    register: Callable[..., Opened], enter: Callable[..., Opened], hashing: CountingHashing
) -> None:
    register()
    refusals = []
    for email in (EMAIL, "nobody@example.com"):
        reached = hashing.verified
        with pytest.raises(SignInFailedError) as refused:
            enter(email=email, password=OTHER)
        refusals.append(str(refused.value))
        assert hashing.verified == reached + 1, "both take the slow function once"
    assert refusals[0] == refusals[1]


def test_ten_wrong_tries_in_any_quarter_of_an_hour_reach_argon2(
    register: Callable[..., Opened],
    enter: Callable[..., Opened],
    hashing: CountingHashing,
    clock: FrozenClock,
) -> None:
    register()
    started = clock.now()
    for _ in range(TRIES_MAX):
        clock.advance(timedelta(minutes=1))
        with pytest.raises(SignInFailedError):
            enter(password=OTHER)
    assert hashing.verified == TRIES_MAX
    with pytest.raises(TooManyTriesError) as refused:
        enter(password=PASSWORD)
    assert hashing.verified == TRIES_MAX
    wait = timedelta(seconds=int(str(refused.value.facts["retry_after_s"])))
    assert clock.now() + wait == started + timedelta(minutes=1) + WINDOW
    clock.advance(wait)
    with pytest.raises(SignInFailedError):
        enter(password=OTHER)
    with pytest.raises(TooManyTriesError):
        enter(password=PASSWORD)


def test_right_passwords_use_up_nothing(
    register: Callable[..., Opened], enter: Callable[..., Opened]
) -> None:
    register()
    for _ in range(TRIES_MAX - 1):
        with pytest.raises(SignInFailedError):
            enter(password=OTHER)
    for _ in range(TRIES_MAX):
        enter(password=PASSWORD)
    with pytest.raises(SignInFailedError):
        enter(password=OTHER)
    with pytest.raises(TooManyTriesError):
        enter(password=PASSWORD)


def test_tries_at_once_are_counted_one_by_one(
    register: Callable[..., Opened], enter: Callable[..., Opened], hashing: CountingHashing
) -> None:
    register()
    outcomes: list[type[Exception]] = []

    def guess() -> None:
        try:
            enter(password=OTHER)
        except (SignInFailedError, TooManyTriesError, SignInBusyError) as refused:
            outcomes.append(type(refused))

    threads = [threading.Thread(target=guess) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert hashing.verified <= TRIES_MAX
    assert outcomes.count(TooManyTriesError) == 30 - TRIES_MAX


def test_a_changed_password_ends_every_other_session(
    access: Access, register: Callable[..., Opened], enter: Callable[..., Opened]
) -> None:
    kept, other = register(), enter(password=PASSWORD)
    change = partial(set_password, access=access, person_id=kept.person.id, keep=kept.signed_in.id)
    with pytest.raises(PasswordWrongError):
        change(current=OTHER, new="quite another one")
    with pytest.raises(PasswordRefusedError):
        change(current=PASSWORD, new="short")
    change(current=PASSWORD, new=OTHER)
    access.authenticator(kept.token)
    with pytest.raises(CredentialRevokedError):
        access.authenticator(other.token)
    enter(password=OTHER)
    with pytest.raises(SignInFailedError):
        enter(password=PASSWORD)


def test_a_reset_code_sets_the_password_once(
    access: Access,
    register: Callable[..., Opened],
    enter: Callable[..., Opened],
    inbox: Inbox,
) -> None:
    opened = register()
    ask_for_reset(access=access, email="nobody@example.com")
    assert inbox.messages == []
    ask_for_reset(access=access, email=EMAIL)
    (message,) = inbox.messages
    with pytest.raises(PasswordRefusedError):
        reset_password(access=access, token=message.token, new="short")
    reset_password(access=access, token=message.token, new=OTHER)
    with pytest.raises(CredentialRevokedError):
        access.authenticator(opened.token)
    enter(password=OTHER)
    with pytest.raises(ResetInvalidError):
        reset_password(access=access, token=message.token, new=PASSWORD)


def test_a_reset_code_ends_and_gives_way_to_the_next(
    access: Access, register: Callable[..., Opened], inbox: Inbox, clock: FrozenClock
) -> None:
    register()
    for _ in range(2):
        ask_for_reset(access=access, email=EMAIL)
    first, second = inbox.messages
    with pytest.raises(ResetInvalidError):
        reset_password(access=access, token=first.token, new=OTHER)
    clock.set(second.expires_at)
    with pytest.raises(ResetInvalidError):
        reset_password(access=access, token=second.token, new=OTHER)


@pytest.mark.parametrize("forged", ["", "nt_" + "0" * 64, "ns_" + "0" * 64])
def test_a_made_up_reset_code_is_refused(access: Access, forged: str) -> None:
    with pytest.raises(ResetInvalidError):
        reset_password(access=access, token=forged, new=OTHER)


def test_a_session_token_is_no_reset_code(access: Access, register: Callable[..., Opened]) -> None:
    with pytest.raises(ResetInvalidError):
        reset_password(access=access, token=register().token, new=OTHER)


def test_messages_wait_in_files_only_the_platform_reads(clock: FrozenClock, tmp_path: Path) -> None:
    FileNotifier(tmp_path / "messages").password_reset(
        message_id=clock.new_id(),
        email=EMAIL,
        locale="zh",
        token=PASSWORD,
        expires_at=clock.now(),
    )
    (file,) = (tmp_path / "messages").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert PASSWORD in file.read_text(encoding="utf-8")


def test_more_than_a_queue_of_waiters_is_turned_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifying, "WAITING_MAX", 3)
    proceed, slow = threading.Event(), CountingHashing()
    verifier = PasswordVerifier(slow)
    known = verifier.hash(PASSWORD)
    reached: list[str] = []

    def wait_then_verify(password: str, hash: str) -> bool:  # noqa: A002 - pwdlib's name
        reached.append(password)
        return proceed.wait(10) and bool(hash)

    monkeypatch.setattr(slow, "verify", wait_then_verify)
    threads = [threading.Thread(target=verifier.verify, args=("x", known)) for _ in range(5)]
    for thread in threads:
        thread.start()
    eventually(lambda: verifier.waiting == 3, what="three wait")
    with pytest.raises(SignInBusyError):
        verifier.verify("x", known)
    assert len(reached) == 2, "two at once"
    proceed.set()
    for thread in threads:
        thread.join()
    assert len(reached) == 5
