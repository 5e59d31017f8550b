"""Demands through the API: what is refused and in which words, what matching answers."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from services.contracts.access import Role
from tests.support.api import Market
from tests.support.clock import FrozenClock

# The frozen clock stands at 2026-03-02T09:00Z.
BAD_INPUT: list[tuple[str, dict[str, Any], str, str, str]] = [
    (
        "an unknown process is answered with what may have been meant",
        {"process": "machining.miling"},
        "unknown-process",
        (
            "There is no process 'machining.miling'. Did you mean machining.milling,"
            " machining.drilling, machining.planing?"
            " All of them: GET /api/v1/taxonomy/processes."
        ),
        (
            "没有工艺 'machining.miling'。您是指 machining.milling, machining.drilling,"
            " machining.planing 吗？全部工艺见 GET /api/v1/taxonomy/processes。"
        ),
    ),
    (
        "an unknown material",
        {"material": "unobtainium"},
        "unknown-material",
        "There is no material 'unobtainium'. All of them: GET /api/v1/taxonomy/materials.",
        "没有材料 'unobtainium'。全部材料见 GET /api/v1/taxonomy/materials。",
    ),
    (
        "an unknown certificate kind",
        {"certificates": [{"kind": "ISO 9001"}]},
        "unknown-certificate",
        (
            "There is no certificate kind 'ISO 9001'. Did you mean iso-9001, iso-45001, iso-14001?"
            " All of them: GET /api/v1/taxonomy/certificates."
        ),
        (
            "没有证书种类 'ISO 9001'。您是指 iso-9001, iso-45001, iso-14001 吗？"
            "全部种类见 GET /api/v1/taxonomy/certificates。"
        ),
    ),
    (
        "an unknown tolerance grade",
        {"tolerance": {"grade": "IT99", "nominal_mm": 25}},
        "unknown-tolerance",
        (
            "There is no tolerance 'IT99'. Give an ISO 286 grade (IT1 to IT18), an ISO 2768-1 class"
            " (f, m, c or v), or a ± value in µm."
        ),
        (
            "没有公差等级 'IT99'。请给出 ISO 286 等级（IT1 至 IT18）、ISO 2768-1 等级（f、m、c、v）"
            "或以 µm 计的 ± 值。"
        ),
    ),
    (
        "a size for which the standard says nothing",
        {"tolerance": {"grade": "IT7", "nominal_mm": 3151}},
        "tolerance-size",
        (
            "IT7 has no value for a nominal size of 3151 mm; it covers 0 to 3150 mm."
            " Give a ± value in µm instead."
        ),
        "IT7 对公称尺寸 3151 mm 没有规定值；其范围为 0 至 3150 mm。请改用以 µm 计的 ± 值。",
    ),
    (
        "a window that ends before it starts",
        {"window": {"start": "2026-03-03T09:00:00Z", "end": "2026-03-03T08:00:00Z"}},
        "window-ends-before-start",
        (
            "The window ends at 2026-03-03T08:00+00:00, not after its start 2026-03-03T09:00+00:00;"
            " swap or move them."
        ),
        "时间窗的结束 2026-03-03T08:00+00:00 不晚于开始 2026-03-03T09:00+00:00；请调整。",
    ),
    (
        "a window in the past",
        {"window": {"start": "2026-03-01T09:00:00Z", "end": "2026-03-01T18:00:00Z"}},
        "window-in-past",
        (
            "The window ended at 2026-03-01T18:00+00:00 and it is 2026-03-02T09:00+00:00 now;"
            " ask for a later one."
        ),
        (
            "时间窗已于 2026-03-01T18:00+00:00 结束，现在是 2026-03-02T09:00+00:00；"
            "请选择更晚的时间窗。"
        ),
    ),
    (
        "a window of which too little is left",
        {"window": {"start": "2026-03-02T01:00:00Z", "end": "2026-03-02T12:00:00Z"}},
        "window-too-short",
        "What is left of the window is 3 h and 4 h are asked; widen the window or ask for less.",
        "时间窗剩余 3 小时，需要 4 小时；请放宽时间窗或减少时长。",
    ),
    (
        "no time at all",
        {"hours": 0},
        "hours-not-positive",
        "0 h are asked; ask for at least one minute.",
        "所需时长为 0 小时；至少为一分钟。",
    ),
    (
        "a negative budget",
        {"budget_minor": -1},
        "negative-budget",
        "The budget is -1; give zero or more, or leave it out.",
        "预算为 -1；请填写零或正数，或不填。",
    ),
    (
        "a part without thickness",
        {"envelope_mm": [100, 50, 0]},
        "envelope-not-positive",
        "The part measures 100 × 50 × 0 mm; every edge must be at least 1 mm.",
        "工件尺寸为 100 × 50 × 0 mm；每条边至少 1 mm。",
    ),
    (
        "a tolerance nobody holds",
        {"tolerance": {"plus_minus_um": 0}},
        "tolerance-not-positive",
        "A tolerance of ±0 µm cannot be held; give at least ±1 µm.",
        "公差 ±0 µm 无法保证；至少为 ±1 µm。",
    ),
    (
        "no piece",
        {"quantity": 0},
        "quantity-too-small",
        "quantity is 0; ask for at least one.",
        "quantity 为 0；至少为一。",
    ),
    (
        "no unit",
        {"units": 0},
        "quantity-too-small",
        "units is 0; ask for at least one.",
        "units 为 0；至少为一。",
    ),
    (
        "a radius around nowhere",
        {"radius_km": 10},
        "radius-without-place",
        "A radius of 10 km needs a place to measure it from; give one.",
        "半径 10 km 需要一个中心位置；请给出地点。",
    ),
]


@pytest.mark.parametrize(
    ("facts", "code", "english", "chinese"),
    [case[1:] for case in BAD_INPUT],
    ids=[case[0] for case in BAD_INPUT],
)
def test_is_refused_in_words_that_help(
    market: Market,
    client: httpx.Client,
    facts: dict[str, Any],
    code: str,
    english: str,
    chinese: str,
) -> None:
    body = market.demand_facts(market.organisation(), **facts)

    for language, text in (("en", english), ("zh-CN", chinese)):
        response = client.post("demands", json=body, headers={"accept-language": language})
        assert response.status_code == 422
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["code"] == code
        assert response.json()["detail"] == text
    assert market.get("demands")["items"] == []


class TestCreate:
    def test_gives_the_suggestions_to_programs_too(
        self, market: Market, client: httpx.Client
    ) -> None:
        body = market.demand_facts(market.organisation(), process="turnning")

        problem = client.post("demands", json=body).json()

        assert problem["suggestions"][0] == "machining.turning"

    def test_turns_a_grade_into_a_plus_minus_value(self, market: Market) -> None:
        demand = market.demand(market.organisation(), tolerance={"grade": "IT7", "nominal_mm": 25})

        assert demand["tolerance_um"] == 10
        assert demand["nominal_mm"] == 25

    def test_wants_one_way_to_say_the_tolerance(self, market: Market, client: httpx.Client) -> None:
        body = market.demand_facts(
            market.organisation(), tolerance={"plus_minus_um": 5, "grade": "IT7", "nominal_mm": 25}
        )

        problem = client.post("demands", json=body).json()

        assert [error["pointer"] for error in problem["errors"]] == ["/tolerance"]

    def test_wants_instants_with_a_time_zone(self, market: Market, client: httpx.Client) -> None:
        window = {"start": "2026-03-03T09:00:00", "end": "2026-03-04T09:00:00Z"}
        body = market.demand_facts(market.organisation(), window=window)

        response = client.post("demands", json=body, headers={"accept-language": "zh"})

        assert response.status_code == 422
        assert response.json()["errors"] == [
            {
                "pointer": "/window/start",
                "in": "body",
                "code": "timezone-aware",
                "message": "应带时区",
            }
        ]

    @pytest.mark.parametrize("number", [0, "1772528400"])
    def test_takes_no_number_for_an_instant(
        self, market: Market, client: httpx.Client, number: object
    ) -> None:
        window = {"start": number, "end": "2026-03-04T09:00:00Z"}
        body = market.demand_facts(market.organisation(), window=window)

        response = client.post("demands", json=body, headers={"accept-language": "zh"})

        assert response.status_code == 422
        assert [(one["pointer"], one["message"]) for one in response.json()["errors"]] == [
            ("/window/start", "应为 ISO 8601 日期时间")
        ]

    def test_reads_back_everything_that_was_said(self, market: Market) -> None:
        facts = {
            "material": "metal.aluminium.6061",
            "envelope_mm": [180, 120, 60],
            "certificates": [{"kind": "iso-9001", "scope": None}],
            "hours": 2.5,
            "budget_minor": 300000,
            "place": {"latitude": 30.5, "longitude": 114.4},
            "radius_km": 50,
            "quantity": 20,
            "units": 2,
            "measured_only": True,
        }
        made = market.demand(market.organisation(), **facts)

        read = market.get(f"demands/{made['id']}")

        assert {name: read[name] for name in facts} == facts
        assert read == made


class TestMatch:
    def test_accepts_what_is_below_the_process_and_above_the_material(self, market: Market) -> None:
        able = {"process": "machining.milling.5axis", "materials": ["metal.aluminium"]}
        _, resource_id, _ = market.listed_mill(capabilities=[able])
        buyer = market.organisation("Buyer")

        found = market.match(market.demand(buyer, material="metal.aluminium.6061")["id"])
        other = market.match(market.demand(buyer, material="metal.titanium.tc4")["id"])

        assert [one["resource_id"] for one in found["candidates"]] == [resource_id]
        assert other["candidates"] == []
        assert other["near_misses"][0]["causes"] == ["material"]

    def test_gives_its_reasons_in_the_asked_language(
        self, market: Market, client: httpx.Client
    ) -> None:
        market.listed_mill()
        demand = market.demand(market.organisation("Buyer"))
        path = f"demands/{demand['id']}/matches"

        english = client.post(path, headers={"accept-language": "en"}).json()
        chinese = client.post(path, headers={"accept-language": "zh-CN"}).json()

        assert english["candidates"][0]["verdicts"][0]["text"] == "offers Five-axis milling"
        assert chinese["candidates"][0]["verdicts"][0]["text"] == "提供五轴铣削"

    def test_a_ranking_puts_near_work_first_and_tells_what_each_costs(self, market: Market) -> None:
        far, near = market.organisation("Far works"), market.organisation("Near works")
        rates = {far: 30_000, near: 36_000}
        for firm, place in ((far, (31.2, 121.5)), (near, (30.5, 114.4))):
            resource = market.resource(firm, market.site(firm, lat=place[0], lon=place[1]))
            market.offer(firm, [resource], price={"price_minor": rates[firm]})
        demand = market.demand(
            market.organisation("Buyer"), place={"latitude": 30.5, "longitude": 114.4}
        )
        path = f"demands/{demand['id']}/matches"

        by_price = market.post(path, {})["candidates"]
        ranking = {"per_km_minor": 100, "outside_park_minor": 5}
        by_cost = market.post(path, {"ranking": ranking})["candidates"]

        assert [one["organisation_id"] for one in by_price] == [far, near]
        assert [one["cost"] for one in by_price] == [one["price"] for one in by_price]
        assert [one["organisation_id"] for one in by_cost] == [near, far]
        assert by_cost[0]["cost"]["minor"] == 4 * 36_000 + 5
        way = by_cost[1]["distance_m"] * 100 // 1_000
        assert by_cost[1]["cost"]["minor"] == 4 * 30_000 + way + 5

    @pytest.mark.parametrize("weight", [-1, 10**9 + 1, "much"])
    def test_a_weight_out_of_range_is_refused(self, market: Market, weight: object) -> None:
        demand = market.demand(market.organisation("Buyer"))
        asked = {"ranking": {"per_km_minor": weight}}
        refused = market.client.post(f"demands/{demand['id']}/matches", json=asked)
        assert refused.status_code == 422
        assert "per_km_minor" in refused.text

    def test_is_kept_and_can_be_read_again(self, market: Market) -> None:
        market.listed_mill()
        demand = market.demand(market.organisation("Buyer"))

        found = market.match(demand["id"])

        assert market.get(f"matches/{found['id']}")["state_hash"] == found["state_hash"]
        assert market.get(f"demands/{demand['id']}")["state"] == "matched"

    def test_shows_private_offers_to_their_owner_only(self, market: Market) -> None:
        owner = market.organisation("Owner")
        resource_id = market.resource(owner, market.site(owner))
        market.offer(owner, [resource_id], visibility="private")
        rival = market.organisation("Rival")

        own = market.match(market.demand(owner)["id"])
        others = market.match(market.demand(rival)["id"])

        assert len(own["candidates"]) == 1
        assert others["candidates"] == []

    def test_cuts_at_the_limit(self, market: Market) -> None:
        owner = market.organisation()
        site = market.site(owner)
        market.offer(owner, [market.resource(owner, site) for _ in range(3)])
        demand = market.demand(market.organisation("Buyer"))

        assert len(market.match(demand["id"], limit=2)["candidates"]) == 2

    def test_refuses_a_demand_whose_window_has_gone_by(
        self, market: Market, client: httpx.Client, clock: FrozenClock
    ) -> None:
        demand = market.demand(market.organisation())
        clock.advance(timedelta(days=7))

        response = client.post(f"demands/{demand['id']}/matches")

        assert (response.status_code, response.json()["code"]) == (422, "window-in-past")

    def test_knows_no_demand_of_that_id(self, client: httpx.Client, market: Market) -> None:
        path, signed = (
            f"demands/{UUID(int=1)}/matches",
            market.keyring.header(market.organisation()),
        )

        response, anonymous = client.post(path, headers=signed), client.post(path)

        assert (response.status_code, response.json()["code"]) == (404, "demand-not-found")
        assert (anonymous.status_code, anonymous.json()["code"]) == (401, "unauthenticated")

    def test_answers_about_the_demand_of_another_as_about_none(
        self, client: httpx.Client, market: Market
    ) -> None:
        demand = market.demand(market.organisation("Asker"))
        found = market.match(demand["id"])
        other = market.keyring.header(market.organisation("Other"))

        for method, path, code in (
            ("GET", f"demands/{demand['id']}", "demand-not-found"),
            ("POST", f"demands/{demand['id']}/matches", "demand-not-found"),
            ("GET", f"matches/{found['id']}", "match-not-found"),
        ):
            response = client.request(method, path, headers=other)
            assert (response.status_code, response.json()["code"]) == (404, code), path
        assert client.get("demands", headers=other).json()["items"] == []

    def test_is_refused_to_who_only_sells(self, client: httpx.Client, market: Market) -> None:
        asker = market.organisation()
        demand = market.demand(asker)
        seller = market.keyring.header(asker, Role.SELLER)

        response = client.post(f"demands/{demand['id']}/matches", headers=seller)

        assert (response.status_code, response.json()["code"]) == (403, "forbidden")
