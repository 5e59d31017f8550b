"""Reading matches over HTTP, with reasons in the reader's language."""

from collections.abc import Iterator

import httpx
import pytest

from services.matching.domain import Constraint
from services.runtime.db import Sessions
from tests.support.api import Document, Market, api_client
from tests.support.clock import FrozenClock


@pytest.fixture
def client(sessions: Sessions, clock: FrozenClock) -> Iterator[httpx.Client]:
    with api_client(sessions, clock) as client:
        yield client


@pytest.fixture
def matched(client: httpx.Client, clock: FrozenClock) -> Document:
    market = Market(client, clock)
    buyer, _, _ = market.listed_mill()
    market.listed_mill("Small works", rule={"minimum_hours": 8})
    demand = market.demand(buyer)
    return market.match(demand["id"])


def texts(match: Document, constraint: Constraint) -> list[str]:
    (candidate,) = match["candidates"]
    return [one["text"] for one in candidate["verdicts"] if one["constraint"] == constraint]


def test_a_match_is_read_with_every_reason(client: httpx.Client, matched: Document) -> None:
    read = client.get(f"matches/{matched['id']}", headers={"Accept-Language": "zh-CN"}).json()
    (candidate,) = read["candidates"]
    assert candidate["rank"] == 1
    assert candidate["price"] == {"minor": 120_000, "currency": "CNY"}
    assert [one["constraint"] for one in candidate["verdicts"]] == list(Constraint)
    assert texts(read, Constraint.BUDGET) == ["价格 ¥1,200.00，未设预算"]
    assert [one["causes"] for one in read["near_misses"]] == [["hours"]]
    assert [(one["constraint"], one["rejected_alone"]) for one in read["failures"]] == [
        ("hours", 1)
    ]
    assert len(read["state_hash"]) == 64


def test_what_would_gain_suppliers_is_told(client: httpx.Client, matched: Document) -> None:
    read = client.get(f"matches/{matched['id']}", headers={"Accept-Language": "zh-CN"}).json()
    (found,) = read["relaxations"]
    step = {"aspect": "hours", "constraint": "hours", "asked": 240, "eased": 480}
    assert found["steps"] == [step]
    assert (found["listings"], found["organisations"], found["lost"]) == (1, 1, 0)
    assert read["relaxations_complete"] is True
    assert found["price_before"] == {"minor": 120_000, "currency": "CNY"}
    assert found["text"] == "预订时长 4 小时 → 8 小时：增加 1 家企业的 1 项，最优价 ¥2,400.00"


def test_a_looser_tolerance_is_told_as_the_grade_it_was_asked_in(
    client: httpx.Client, clock: FrozenClock
) -> None:
    market = Market(client, clock)
    capability = {"process": "machining.milling.5axis", "tolerance_um": 10}
    market.listed_mill(capabilities=[capability])
    graded = {"grade": "IT6", "nominal_mm": 25}
    demand = market.demand(market.organisation(), tolerance=graded)
    answered = market.match(demand["id"])
    read = client.get(f"matches/{answered['id']}").json()
    assert read["relaxations"] == answered["relaxations"]
    (found,) = read["relaxations"]
    assert found["text"].startswith("tolerance ±6 µm (IT6) → ±10 µm (IT7): 1 more of 1 firm(s)")


def test_english_is_the_default(client: httpx.Client, matched: Document) -> None:
    read = client.get(f"matches/{matched['id']}").json()
    assert texts(read, Constraint.BUDGET) == ["costs CN¥1,200.00, no budget is set"]


def test_an_unknown_match_is_404(client: httpx.Client, matched: Document) -> None:
    response = client.get(f"matches/{matched['demand_id']}")
    assert (response.status_code, response.json()["code"]) == (404, "match-not-found")
