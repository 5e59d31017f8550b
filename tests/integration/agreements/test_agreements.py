"""Confidentiality agreements: both sides sign the same terms, either side ends them."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import text

from services.agreements import handlers
from services.agreements.domain import Subject
from services.runtime.clock import SystemClock
from services.runtime.db import Sessions, transaction
from tests.support.firms import Firm, Firms, firms_on

pytestmark = pytest.mark.integration

TERMS, OTHER_TERMS = "ab" * 32, "cd" * 32


@pytest.fixture
def firms(sessions: Sessions, tmp_path: Path) -> Iterator[Firms]:
    with firms_on(sessions, SystemClock(), state_dir=tmp_path) as firms:
        yield firms


@pytest.fixture
def maker(firms: Firms) -> Firm:
    return firms.firm("Maker")


@pytest.fixture
def buyer(firms: Firms) -> Firm:
    return firms.firm("Buyer")


def proposal(maker: Firm, buyer: Firm, **facts: Any) -> dict[str, Any]:
    ends = SystemClock().now() + timedelta(days=30)
    return {
        "owner_id": str(maker.id),
        "counterparty_id": str(buyer.id),
        "terms_sha256": TERMS,
        "expires_at": ends.isoformat(),
    } | facts


def proposed(by: Firm, maker: Firm, buyer: Firm, **facts: Any) -> dict[str, Any]:
    answer = by.http.post("agreements", json=proposal(maker, buyer, **facts))
    assert answer.status_code == 201, answer.text
    document: dict[str, Any] = answer.json()
    return document


def sign(by: Firm, nda: dict[str, Any], terms: str = TERMS) -> Any:
    return by.http.post(f"agreements/{nda['id']}/sign", json={"terms_sha256": terms})


def confided(sessions: Sessions, maker: Firm, buyer: Firm, *subjects: Subject) -> bool:
    with transaction(sessions) as session:
        return handlers.has_nda(
            session=session,
            clock=SystemClock(),
            owner_id=maker.id,
            counterparty_id=buyer.id,
            subjects=subjects,
        )


@pytest.mark.parametrize("proposer", ["maker", "buyer"])
def test_it_holds_once_both_have_signed_and_in_one_direction(
    sessions: Sessions, maker: Firm, buyer: Firm, proposer: str
) -> None:
    first, second = (maker, buyer) if proposer == "maker" else (buyer, maker)
    nda = proposed(first, maker, buyer)
    assert nda["state"] == "proposed"
    assert not confided(sessions, maker, buyer)
    signed = sign(second, nda).json()
    assert signed["state"] == "in_force"
    assert signed["owner_signature"]["by"] == str(maker.owner_id)
    assert signed["counterparty_signature"]["by"] == str(buyer.owner_id)
    assert confided(sessions, maker, buyer)
    assert not confided(sessions, buyer, maker)


@pytest.mark.parametrize("revoker", ["maker", "buyer"])
def test_either_side_ends_it_at_once(
    sessions: Sessions, maker: Firm, buyer: Firm, revoker: str
) -> None:
    nda = proposed(maker, maker, buyer)
    sign(buyer, nda)
    ending = maker if revoker == "maker" else buyer
    assert ending.http.post(f"agreements/{nda['id']}/revoke").json()["state"] == "revoked"
    assert not confided(sessions, maker, buyer)
    assert sign(buyer, nda).json()["code"] == "nda-over"


def test_it_ends_by_itself(sessions: Sessions, maker: Firm, buyer: Firm) -> None:
    nda = proposed(maker, maker, buyer)
    sign(buyer, nda)
    with transaction(sessions) as session:
        session.connection().execute(
            text(
                "UPDATE nda SET created_at = now() - interval '2 days',"
                " expires_at = now() - interval '1 second'"
            )
        )
    assert not confided(sessions, maker, buyer)
    assert maker.http.get(f"agreements/{nda['id']}").json()["state"] == "expired"


def test_about_one_thing_it_covers_that_thing(sessions: Sessions, maker: Firm, buyer: Firm) -> None:
    thing, other = (SystemClock().new_id() for _ in range(2))
    nda = proposed(maker, maker, buyer, subject_kind="resource", subject_id=str(thing))
    sign(buyer, nda)
    assert confided(sessions, maker, buyer, Subject("resource", thing))
    assert confided(sessions, maker, buyer, Subject("offer", other), Subject("resource", thing))
    assert not confided(sessions, maker, buyer, Subject("resource", other))
    assert not confided(sessions, maker, buyer, Subject("offer", thing))
    assert not confided(sessions, maker, buyer)


def test_other_terms_than_proposed_cannot_be_signed(maker: Firm, buyer: Firm) -> None:
    answer = sign(buyer, proposed(maker, maker, buyer), OTHER_TERMS)
    assert (answer.status_code, answer.json()["code"]) == (409, "nda-terms-differ")


def test_signing_again_changes_nothing(maker: Firm, buyer: Firm) -> None:
    nda = proposed(maker, maker, buyer)
    assert sign(buyer, nda).json() == sign(buyer, nda).json()


def test_strangers_see_none_and_touch_none(firms: Firms, maker: Firm, buyer: Firm) -> None:
    nda, stranger = proposed(maker, maker, buyer), firms.firm("Stranger")
    for answer in (
        stranger.http.get(f"agreements/{nda['id']}"),
        sign(stranger, nda),
        stranger.http.post(f"agreements/{nda['id']}/revoke"),
        stranger.http.post("agreements", json=proposal(maker, buyer)),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "nda-not-found")
    assert stranger.http.get("agreements").json()["items"] == []
    assert len(buyer.http.get("agreements").json()["items"]) == 1


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"expires_at": "2020-01-01T00:00:00Z"}, "nda-term"),
        ({"expires_at": "2999-01-01T00:00:00Z"}, "nda-term"),
        ({"expires_at": 1803600000}, "invalid-request"),
        ({"terms_sha256": "x"}, "invalid-request"),
        ({"subject_kind": "resource"}, "invalid-request"),
    ],
)
def test_what_could_not_hold_is_refused(
    maker: Firm, buyer: Firm, facts: dict[str, Any], code: str
) -> None:
    answer = maker.http.post("agreements", json=proposal(maker, buyer, **facts))
    assert (answer.status_code, answer.json()["code"]) == (422, code)


def test_with_oneself_or_with_nobody_is_refused(maker: Firm) -> None:
    with_oneself = maker.http.post("agreements", json=proposal(maker, maker))
    assert with_oneself.json()["code"] == "nda-with-oneself"
    nobody = proposal(maker, maker, counterparty_id=str(SystemClock().new_id()))
    assert maker.http.post("agreements", json=nobody).json()["code"] == "organisation-not-found"
