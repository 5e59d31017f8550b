"""The taxonomies through the API."""

import httpx

from tests.support.api import Market


def test_one_search_goes_through_all_of_them(market: Market) -> None:
    found = market.get("taxonomy/search", q="制造")

    assert "primary-shaping.additive" in [one["code"] for one in found["processes"]]
    assert [one["code"] for one in found["industries"]] == ["C"]
    assert found["regions"] == []
    aluminium = market.get("taxonomy/search", q="alumin", limit=1)
    assert [one["code"] for one in aluminium["materials"]] == ["metal.aluminium"]
    assert market.get("taxonomy/search", q="武汉")["regions"][0]["code"] == "420100"


def test_codes_are_taken_apart(market: Market, client: httpx.Client) -> None:
    industry = market.get("taxonomy/industries/C3421")
    assert (industry["section"]["code"], industry["division"]) == ("C", "34")
    assert len(market.get("taxonomy/industries")["items"]) == 20
    assert market.get("taxonomy/regions/420111")["within"] == ["湖北省", "武汉市"]
    assert len(market.get("taxonomy/regions")["items"]) == 34
    assert client.get("taxonomy/regions/000000").json()["code"] == "region-not-found"
    assert client.get("taxonomy/industries/Z1").json()["code"] == "unknown-industry"


def test_grades_reach_from_it1_to_it18(market: Market, client: httpx.Client) -> None:
    assert market.get("taxonomy/tolerances/IT18", nominal_mm=3150)["plus_minus_um"] == 16500
    assert market.get("taxonomy/tolerances/IT1", nominal_mm=200)["plus_minus_um"] == 2
    fine = client.get("taxonomy/tolerances/IT1", params={"nominal_mm": 25})
    assert (fine.status_code, fine.json()["code"]) == (422, "tolerance-too-fine")
