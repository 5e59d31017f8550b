"""Offers from a file: all of a batch or none of it, found and listed as if published one by one."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from gateway.commands.importing import Loader
from marketplace.offers.importing import ImportLineError, Owner
from services.contracts.ids import OrganisationId, SiteId
from services.identity import handlers as identity
from services.runtime.database_roles import WORKER
from services.runtime.db import Sessions, transaction
from services.runtime.settings import Settings
from tests.support.clock import FrozenClock
from tests.support.firms import firms_on
from tests.support.working import sessions_as

LINE: dict[str, Any] = {
    "direction": 4,
    "kind": "machine",
    "name": "Mill",
    "name_zh": "铣床",
    "title": "Milling",
    "title_zh": "铣削",
    "capabilities": [{"process": "machining.milling", "materials": ["metal.aluminium"]}],
    "price": {"price_minor": 30_000},
    "visibility": "public",
    "attributes": {"axes": 3, "automation": "manual", "spindle_speed_rpm": 9_000},
}


def written(path: Path, *lines: dict[str, Any]) -> Path:
    path.write_text("\n".join(json.dumps(LINE | line) for line in lines), encoding="utf-8")
    return path


@pytest.fixture
def seller(sessions: Sessions, clock: FrozenClock) -> Iterator[tuple[Owner, httpx.Client]]:
    with firms_on(sessions, clock) as firms:
        firm = firms.firm("Seller")
        with transaction(sessions) as session:
            site = identity.create_site(
                session=session, clock=clock, organisation_id=firm.id, code="works", name="Works",
                name_zh="工厂", region_code="420111", park=None, lat=30.5, lon=114.4,
            )  # fmt: skip
        yield Owner(OrganisationId(firm.id), SiteId(site.id)), firm.http


def titles(client: httpx.Client, *attributes: str) -> list[str]:
    query: dict[str, Any] = {"direction": 4, "attribute": list(attributes)}
    answer = client.get("offers", params=query)
    assert answer.status_code == 200, answer.text
    return [item["title"] for item in answer.json()["items"]]


def test_a_file_is_published_listed_by_its_facets_found_and_matched(
    sessions: Sessions, seller: tuple[Owner, httpx.Client], tmp_path: Path
) -> None:
    owner, client = seller
    fast = {"axes": 5, "automation": "unattended", "spindle_speed_rpm": 24_000}
    file = written(
        tmp_path / "offers.jsonl",
        {},
        {"title": "Fast milling", "attributes": fast},
        {"title": "Ours", "visibility": "organisation", "attributes": fast},
    )
    with sessions_as(sessions, WORKER) as worker:
        assert Loader(worker, Settings()).load(file, owner) == 3

    everything = {"Milling", "Fast milling", "Ours"}
    assert set(titles(client)) == everything
    assert titles(client, "axes:3") == ["Milling"]
    assert set(titles(client, "axes:4..", "automation:unattended")) == {"Fast milling", "Ours"}
    assert titles(client, "spindle_speed_rpm:1..9000", "axes:3..5") == ["Milling"]
    assert titles(client, "axes:9") == []
    found = client.get("search", params={"q": "milling"}).json()["items"]
    assert {item["title"] for item in found} == {"Milling", "Fast milling"}
    with transaction(sessions) as session:
        counts = session.connection().execute(
            text(
                "SELECT (SELECT count(*) FROM listing WHERE active),"
                " (SELECT count(*) FROM offer_version),"
                " (SELECT count(*) FROM outbox_event WHERE subject LIKE '%offer-published%')"
            )
        )
        assert tuple(counts.one()) == (3, 3, 3)


def test_facts_follow_what_an_offer_says(
    sessions: Sessions, seller: tuple[Owner, httpx.Client], tmp_path: Path
) -> None:
    owner, client = seller
    with sessions_as(sessions, WORKER) as worker:
        Loader(worker, Settings()).load(written(tmp_path / "offers.jsonl", {}), owner)
    (offer,) = client.get("offers").json()["items"]
    edit = {name: offer[name] for name in ("title", "title_zh", "price")}

    edited = client.put(f"offers/{offer['id']}", json=edit | {"attributes": {"axes": 4}})

    assert edited.status_code == 200, edited.text
    assert titles(client, "axes:4") == ["Milling"]
    assert titles(client, "axes:3") == titles(client, "automation:manual") == []


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"attributes": {"axes": "many"}}, "axes"),
        ({"capabilities": [{"process": "machining.miling"}]}, "machining.miling"),
        ({"colour": "green"}, "colour"),
        ({"kind": "yacht"}, "yacht"),
    ],
)
def test_a_wrong_line_is_named_and_its_batch_is_not_in(
    sessions: Sessions,
    seller: tuple[Owner, httpx.Client],
    tmp_path: Path,
    wrong: dict[str, Any],
    told: str,
) -> None:
    owner, client = seller
    file = written(tmp_path / "offers.jsonl", {}, wrong)
    with sessions_as(sessions, WORKER) as worker, pytest.raises(ImportLineError) as refused:
        Loader(worker, Settings()).load(file, owner)

    assert refused.value.facts["line"] == 2
    assert told in str(refused.value)
    assert titles(client) == []
