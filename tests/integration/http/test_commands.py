"""``nonagon match`` and ``nonagon book`` against a served API."""

import json

import httpx
import pytest
from typer.testing import CliRunner, Result

from gateway.cli import app
from tests.support.api import Market


@pytest.fixture
def api(client: httpx.Client) -> str:
    return str(client.base_url).removesuffix("/api/v1/")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_match_shows_who_can_and_book_takes_it(market: Market, api: str) -> None:
    market.listed_mill()
    buyer = market.organisation("Buyer")
    demand = market.demand(buyer)

    shown = run("match", "--demand", demand["id"], "--api", api)
    found = json.loads(run("match", "--demand", demand["id"], "--api", api, "--json").stdout)
    booked = run("book", "hold", "--match", found["id"], "--confirm", "--api", api, "--json")
    again = run("book", "hold", "--match", found["id"], "--api", api)

    assert shown.exit_code == 0, shown.output
    assert "1 candidates of 1 listings" in shown.stdout
    assert json.loads(booked.stdout)["state"] == "confirmed"
    assert again.exit_code == 1
    assert "409" in again.stderr
    cancelled = run("book", "cancel", json.loads(booked.stdout)["id"], "--api", api)
    assert "cancelled" in cancelled.stdout


def test_match_explains_an_empty_answer_and_says_so_by_its_exit_code(
    market: Market, api: str
) -> None:
    market.listed_mill()
    demand = market.demand(market.organisation("Buyer"), budget_minor=1)

    answered = run("match", "--demand", demand["id"], "--api", api)

    assert answered.exit_code == 1
    assert "> budget" in answered.stdout.replace("\n", " ")


def test_match_tells_what_was_meant_by_an_unknown_process(market: Market, api: str) -> None:
    market.organisation("Buyer")

    refused = run("match", "--process", "machining.miling", "--as", "buyer", "--api", api)

    assert refused.exit_code == 1
    assert "machining.milling" in refused.stderr


def test_match_wants_to_know_who_asks(market: Market, api: str) -> None:
    market.organisation("Buyer one")
    market.organisation("Buyer two")

    refused = run("match", "--process", "machining.milling", "--as", "buyer", "--api", api)

    assert refused.exit_code == 2
    assert "2 organisations match" in refused.stderr


def test_a_platform_that_is_not_there_has_an_exit_code_of_its_own() -> None:
    refused = run("book", "show", "x", "--api", "http://127.0.0.1:1")

    assert refused.exit_code == 3
    assert "Cannot reach" in refused.stderr
