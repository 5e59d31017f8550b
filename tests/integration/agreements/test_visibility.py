"""What is visible under an NDA: absent for others, real for who signed, absent again when ended."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from services.runtime.clock import SystemClock
from services.runtime.db import Sessions
from tests.support.firms import Firm, Firms, firms_on

pytestmark = pytest.mark.integration

TERMS = "ab" * 32


@pytest.fixture
def firms(sessions: Sessions, tmp_path: Path) -> Iterator[Firms]:
    with firms_on(sessions, SystemClock(), state_dir=tmp_path) as firms:
        yield firms


def made(firm: Firm, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = firm.http.post(path, json=body)
    assert answer.status_code == 201, answer.text
    document: dict[str, Any] = answer.json()
    return document


def confided_mill(maker: Firm) -> tuple[str, str]:
    """A resource and an offer of it, both visible under an NDA only."""
    site = {"code": "nda-works", "name": "Works", "name_zh": "工厂", "region_code": "420111"}
    site_id = made(maker, "sites", site | {"lat": 30.5, "lon": 114.4})["id"]
    facts = {"site_id": site_id, "kind": "machine", "name": "Mill", "name_zh": "铣床"}
    capable = {"capabilities": [{"process": "machining.milling.5axis"}], "visibility": "nda"}
    resource_id = made(maker, "resources", facts | capable)["id"]
    titles = {"title": "Milling", "title_zh": "铣削", "direction": 4, "visibility": "nda"}
    price = {"resource_ids": [resource_id], "price": {"price_minor": 30_000}}
    return resource_id, made(maker, "offers", titles | price)["id"]


def considered(buyer: Firm, demand: dict[str, Any]) -> int:
    return len(made(buyer, f"demands/{demand['id']}/matches", {})["candidates"])


def test_only_who_signed_sees_matches_and_books(firms: Firms) -> None:
    maker, buyer, stranger = firms.firm("Maker"), firms.firm("Buyer"), firms.firm("Stranger")
    resource_id, offer_id = confided_mill(maker)
    start = SystemClock().now().replace(second=0, microsecond=0) + timedelta(hours=2)
    window = {"start": start.isoformat(), "end": (start + timedelta(days=3)).isoformat()}
    asked = {"title": "Part", "process": "machining.milling", "hours": 2, "window": window}
    demand, strangers = made(buyer, "demands", asked), made(stranger, "demands", asked)
    slot = {"resource_id": resource_id, "offer_id": offer_id, "minutes": 60}

    def hold(firm: Firm, hours: int) -> int:
        when = (start + timedelta(hours=hours)).isoformat()
        return firm.http.post("bookings", json=slot | {"start": when}).status_code

    assert buyer.http.get(f"resources/{resource_id}").status_code == 404
    assert (considered(buyer, demand), hold(buyer, 0)) == (0, 404)

    ends = (SystemClock().now() + timedelta(days=30)).isoformat()
    parties = {"owner_id": str(maker.id), "counterparty_id": str(buyer.id)}
    nda = made(maker, "agreements", parties | {"terms_sha256": TERMS, "expires_at": ends})
    assert buyer.http.get(f"offers/{offer_id}").status_code == 404, "one signature is none"
    signed = buyer.http.post(f"agreements/{nda['id']}/sign", json={"terms_sha256": TERMS})
    assert signed.status_code == 200, signed.text

    assert buyer.http.get(f"resources/{resource_id}").status_code == 200
    assert (considered(buyer, demand), hold(buyer, 0)) == (1, 201)
    assert stranger.http.get(f"offers/{offer_id}").status_code == 404
    assert (considered(stranger, strangers), hold(stranger, 4)) == (0, 404)

    assert maker.http.post(f"agreements/{nda['id']}/revoke").status_code == 200
    assert (considered(buyer, demand), hold(buyer, 8)) == (0, 404)
