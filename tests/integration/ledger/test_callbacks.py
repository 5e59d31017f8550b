"""Callbacks of a provider: signed or refused, told twice and booked once; and no provider."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import httpx
import pytest
from pydantic import SecretStr
from sqlmodel import col, select

from services.contracts.events.ledger import ProviderTold
from services.ledger.consumers import CONSUMERS
from services.ledger.domain.callback import TOLERANCE, signed
from services.ledger.handlers.checking import check
from services.runtime.consumers import handle_once
from services.runtime.database_roles import WORKER
from services.runtime.db import Sessions, transaction
from services.runtime.tables import OutboxEvent
from tests.integration.ledger.test_http import opened, said
from tests.support.clock import FrozenClock
from tests.support.firms import Firms, firms_on
from tests.support.working import sessions_as

pytestmark = pytest.mark.integration

SECRET: Final = "0123456789abcdef0123456789abcdef"
PATH: Final = "payment-callbacks"
SIGNATURE: Final = "Nonagon-Signature"


@pytest.fixture
def firms(sessions: Sessions, clock: FrozenClock) -> Iterator[Firms]:
    with firms_on(sessions, clock, payment_secret=SecretStr(SECRET)) as firms:
        yield firms


def told(payment_id: str, answer: str, verdict: str = "succeeded") -> bytes:
    return json.dumps({"payment_id": payment_id, "id": answer, "verdict": verdict}).encode()


def sent(http: httpx.Client, body: bytes, header: str) -> Any:
    return http.post(PATH, content=body, headers={SIGNATURE: header})


def worked(firms: Firms) -> int:
    """What the worker books of all that was told; how much it heard."""
    (consumer,) = (one for one in CONSUMERS if one.event is ProviderTold)
    subject = ProviderTold.subject()
    with transaction(firms.sessions) as session:
        query = select(OutboxEvent.payload).where(col(OutboxEvent.subject) == subject)
        heard = [ProviderTold.model_validate(one) for one in session.exec(query)]
    with sessions_as(firms.sessions, WORKER) as working:
        for event in heard:
            handle_once(working, firms.clock, consumer, event)
    return len(heard)


def test_a_provider_that_tells_twice_funds_once_and_the_ledger_says_why(
    firms: Firms, clock: FrozenClock
) -> None:
    buyer, seller = firms.firm("Buyer"), firms.firm("Seller")
    escrow = opened(firms, buyer, seller)
    asked = {"escrow_id": str(escrow.id), "method": "bank"}
    payment = said(buyer.http.post("payments", json=asked), 201)
    body = told(payment["id"], "bank-1")
    header = signed(SECRET.encode(), body, at=clock.now())
    for _ in range(2):
        assert sent(buyer.http, body, header).status_code == 202
    again = told(payment["id"], "bank-2", "failed")
    assert sent(buyer.http, again, signed(SECRET.encode(), again, at=clock.now())).is_success
    assert worked(firms) == 3
    held = said(buyer.http.get(f"escrows/{escrow.id}"))
    assert (held["state"], held["funded_minor"]) == ("funded", 100_000)
    steps = said(seller.http.get(f"escrows/{escrow.id}/movements"))["items"]
    assert [(one["kind"], one["amount_minor"]) for one in steps] == [
        ("opened", 100_000), ("funded", 100_000),
    ]  # fmt: skip
    assert all(one["because"] for one in steps)
    ended = said(buyer.http.get(f"payments/{payment['id']}"))
    assert (ended["state"], ended["explanation"]) == ("succeeded", "the provider confirmed it")
    with transaction(firms.sessions) as session:
        assert check(session=session).is_sound


def test_what_is_not_signed_now_by_the_provider_is_refused(
    firms: Firms, clock: FrozenClock
) -> None:
    http = firms.firm("Anybody").http
    body = told(str(clock.new_id()), "bank-1")
    good = signed(SECRET.encode(), body, at=clock.now())
    late = signed(SECRET.encode(), body, at=clock.now() - TOLERANCE - timedelta(seconds=1))
    early = signed(SECRET.encode(), body, at=clock.now() + TOLERANCE + timedelta(seconds=1))
    other = signed(b"x" * 32, body, at=clock.now())
    for header in ("", "t=1", late, early, other, good.replace("t=", "t=1")):
        answer = sent(http, body, header)
        assert (answer.status_code, answer.json()["code"]) == (403, "callback-unsigned"), header
    assert sent(http, body + b" ", good).status_code == 403
    torn = b"{}"
    answer = sent(http, torn, signed(SECRET.encode(), torn, at=clock.now()))
    assert (answer.status_code, answer.json()["code"]) == (422, "callback-invalid")
    assert worked(firms) == 0
    assert sent(http, body, good).status_code == 202
    assert worked(firms) == 1


def test_without_a_provider_only_the_wallet_pays(sessions: Sessions, clock: FrozenClock) -> None:
    with firms_on(sessions, clock, payment_provider="none") as firms:
        buyer, seller = firms.firm("Buyer"), firms.firm("Seller")
        escrow = opened(firms, buyer, seller)
        asked = {"escrow_id": str(escrow.id), "method": "bank"}
        refused = said(buyer.http.post("payments", json=asked), 409)
        assert refused["code"] == "payment-provider-absent"
        assert "NONAGON_PAYMENT_PROVIDER" in refused["detail"]
        asked["method"] = "wallet"
        assert said(buyer.http.post("payments", json=asked), 409)["code"] == "balance-short"
        off = buyer.http.post(PATH, content=told(str(UUID(int=0)), "a"))
        assert said(off, 409)["code"] == "callbacks-off"
