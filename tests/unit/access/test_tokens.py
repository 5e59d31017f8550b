"""Tokens: their form, and when what they stand for still holds."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest

from services.access.domain.credentials import (
    SESSION_IDLE,
    SESSION_LASTS,
    STRONG_LASTS,
    SignedIn,
    Standing,
    narrowed,
)
from services.access.domain.tokens import (
    TokenKind,
    subject_hash,
    token_hash,
    token_kind,
    token_text,
)
from services.contracts.access import Role
from services.contracts.confidentiality import redact_text
from tests.support.clock import START

RANDOM = bytes(range(32))


def signed_in(**facts: datetime | None) -> SignedIn:
    times: dict[str, datetime | None] = {"last_seen_at": START, "strong_at": None} | facts
    return SignedIn(
        id=UUID(int=1),
        person_id=UUID(int=2),
        organisation_id=None,
        created_at=START,
        expires_at=START + SESSION_LASTS,
        last_seen_at=times["last_seen_at"] or START,
        strong_at=times["strong_at"],
        revoked_at=times.get("revoked_at"),
        client="",
    )


@pytest.mark.parametrize("kind", TokenKind)
def test_a_token_carries_256_bits_behind_its_prefix(kind: TokenKind) -> None:
    token = token_text(kind, RANDOM)
    assert token.startswith(f"{kind}_")
    assert bytes.fromhex(token[3:]) == RANDOM
    assert token_kind(token) is kind
    assert len(token_hash(token)) == 32


def test_fewer_bits_are_no_token() -> None:
    with pytest.raises(ValueError, match="32 random bytes"):
        token_text(TokenKind.SESSION, b"short")


@pytest.mark.parametrize(
    "forged",
    [
        "",
        "ns_",
        "ns_" + "0" * 63,
        "ns_" + "0" * 65,
        "NS_" + "0" * 64,
        "nx_" + "0" * 64,
        "ns_" + "g" * 64,
        "ns_" + "٠" * 64,
        " ns_" + "0" * 64,
        "ns_" + "0" * 64 + "\n",
        "Bearer ns_" + "0" * 64,
    ],
)
def test_what_has_another_form_is_none_of_ours(forged: str) -> None:
    assert token_kind(forged) is None


def test_names_that_differ_in_their_parts_differ_in_their_hash() -> None:
    assert subject_hash("a", "bc") != subject_hash("ab", "c")


def test_a_session_ends_when_idle_and_at_its_absolute_end() -> None:
    moment = timedelta(microseconds=1)
    seen_late = START + SESSION_LASTS - timedelta(minutes=1)
    assert signed_in().standing(START + SESSION_IDLE - moment) is Standing.VALID
    assert signed_in().standing(START + SESSION_IDLE) is Standing.EXPIRED
    busy = signed_in(last_seen_at=seen_late)
    assert busy.standing(START + SESSION_LASTS - moment) is Standing.VALID
    assert busy.standing(START + SESSION_LASTS) is Standing.EXPIRED
    assert signed_in(revoked_at=START).standing(START) is Standing.REVOKED


def test_a_second_factor_counts_for_a_while() -> None:
    proven = signed_in(strong_at=START)
    assert proven.is_strong(START + STRONG_LASTS - timedelta(seconds=1))
    assert not proven.is_strong(START + STRONG_LASTS)
    assert not signed_in().is_strong(START)


def test_a_key_never_gives_what_its_account_lost() -> None:
    assert narrowed({Role.BUYER}, {Role.BUYER, Role.OWNER}) == {Role.BUYER}


@pytest.mark.parametrize("kind", TokenKind)
def test_a_token_in_a_message_is_not_logged(kind: TokenKind) -> None:
    token = token_text(kind, RANDOM)
    assert redact_text(f"GET /x?t={token}, again") == f"GET /x?t={kind}_***, again"
