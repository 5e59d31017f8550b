"""``nonagon match``, ``nonagon book`` and ``nonagon round`` against a served API."""

import json
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner, Result

from gateway.accounts import Account, Accounts
from gateway.cli import app
from services.contracts.access import Role
from tests.support.api import Market
from tests.support.clock import START


@pytest.fixture
def api(client: httpx.Client) -> str:
    return str(client.base_url).removesuffix("/api/v1/")


def account(organisation: str, *, organisation_id: str = "", token: str = "") -> Account:
    return Account(
        organisation_id=organisation_id,
        organisation=organisation,
        organisation_zh=organisation,
        email="someone@example.com",
        password="",
        token=token,
    )


WEEK = timedelta(days=7)


def run(*arguments: str, key: str | None = None, state: Path | None = None) -> Result:
    environment = {
        "NONAGON_API_KEY": key,
        "NONAGON_STATE_DIR": None if state is None else str(state),
    }
    return CliRunner().invoke(app, list(arguments), env=environment)


def test_match_shows_who_can_and_book_takes_it(market: Market, api: str) -> None:
    market.listed_mill(rule={"setup_minutes": 30})
    buyer = market.organisation("Buyer")
    demand = market.demand(buyer)
    key = market.keyring.key(buyer, Role.BUYER)
    asked = ("match", "--demand", demand["id"], "--api", api)

    shown = run(*asked, key=key)
    found = json.loads(run(*asked, "--json", key=key).stdout)
    book = ("book", "hold", "--match", found["id"], "--api", api)
    booked = run(*book, "--confirm", "--json", key=key)
    again = run(*book, key=key)

    assert shown.exit_code == 0, shown.output
    assert "1 candidates of 1 listings" in shown.stdout
    booking, best = json.loads(booked.stdout), found["candidates"][0]
    assert booking["state"] == "confirmed"
    for name in ("start", "end", "price", "setup_minutes"):
        assert booking[name] == best[name]
    assert again.exit_code == 1
    assert "409" in again.stderr
    cancelled = run("book", "cancel", json.loads(booked.stdout)["id"], "--api", api, key=key)
    assert "cancelled" in cancelled.stdout


def test_book_lists_free_slots_and_what_is_booked(market: Market, api: str, tmp_path: Path) -> None:
    _, resource, _ = market.listed_mill()
    buyer = market.organisation("Buyer")
    key = market.keyring.key(buyer, Role.BUYER)
    seen = ("--api", api)

    when = ("--from", f"{START:%Y-%m-%dT%H:%M:%S}", "--to", f"{START + WEEK:%Y-%m-%dT%H:%M:%S}")
    asked = ("book", "slots", resource, *when, *seen)
    assert json.loads(run(*asked, "--json", key=key).stdout)["items"]
    shown = run(*asked, key=key)
    assert shown.exit_code == 0, shown.output
    none = run("book", "list", *seen, "--csv", "-", key=key)
    assert none.stdout.strip("\ufeff\r\n") == ""
    demand = market.demand(buyer)
    found = json.loads(run("match", "--demand", demand["id"], *seen, "--json", key=key).stdout)
    booked = json.loads(
        run("book", "hold", "--match", found["id"], *seen, "--json", key=key).stdout
    )
    listed = run("book", "list", "--state", "held", *seen, key=key)
    assert "held" in listed.stdout
    assert json.loads(run("book", "list", *seen, "--json", key=key).stdout)["items"] == [booked]
    assert not json.loads(run("book", "list", "--at-risk", *seen, "--json", key=key).stdout)[
        "items"
    ]
    file = tmp_path / "bookings.csv"
    assert "1 bookings" in run("book", "list", *seen, "--csv", str(file), key=key).stdout
    written = file.read_text(encoding="utf-8-sig").splitlines()
    assert "replaces_id" in written[0]
    assert [booked["id"] in line for line in written] == [False, True]


def test_match_explains_an_empty_answer_and_says_so_by_its_exit_code(
    market: Market, api: str
) -> None:
    market.listed_mill()
    buyer = market.organisation("Buyer")
    demand = market.demand(buyer, budget_minor=1)

    answered = run("match", "--demand", demand["id"], "--api", api, key=market.keyring.key(buyer))

    assert answered.exit_code == 1
    said = answered.stdout.replace("\n", " ")
    assert "> budget" in said
    assert "→ 1. budget CN¥0.01 →" in said


def test_match_applies_a_relaxation_it_told(market: Market, api: str) -> None:
    market.listed_mill()
    buyer = market.organisation("Buyer")
    demand = market.demand(buyer, budget_minor=1)
    key = market.keyring.key(buyer)
    answered = run("match", "--demand", demand["id"], "--api", api, "--json", key=key)
    match_id = json.loads(answered.stdout)["id"]

    relaxed = run("match", "--relax", f"{match_id}:1", "--api", api, "--json", key=key)
    none = run("match", "--relax", f"{match_id}:8", "--api", api, key=key)
    unread = run("match", "--relax", match_id, "--api", api, key=key)

    assert relaxed.exit_code == 0, relaxed.output
    found = json.loads(relaxed.stdout)
    assert len(found["candidates"]) == 1
    assert found["demand_id"] != demand["id"]
    eased = market.get(f"demands/{found['demand_id']}")
    assert eased["budget_minor"] == 120_000
    assert (eased["title"], eased["window"]) == (demand["title"], demand["window"])
    assert (none.exit_code, unread.exit_code) == (1, 2)
    assert "there is no number 8" in " ".join(none.stderr.split())


def test_match_tells_what_was_meant_by_an_unknown_process(market: Market, api: str) -> None:
    key = market.keyring.key(market.organisation("Buyer"))

    refused = run("match", "--process", "machining.miling", "--api", api, key=key)

    assert refused.exit_code == 1
    assert "machining.milling" in refused.stderr


def test_match_wants_to_know_who_asks(api: str, tmp_path: Path) -> None:
    refused = run("match", "--process", "machining.milling", "--api", api, state=tmp_path)

    assert refused.exit_code == 1
    assert "401" in refused.stderr


def test_match_wants_to_know_which_firm_of_the_demo_asks(api: str, tmp_path: Path) -> None:
    Accounts(by_key={"one": account("Buyer one"), "two": account("Buyer two")}).write(tmp_path)

    asked = ("match", "--process", "machining.milling", "--as", "buyer", "--api", api)
    refused = run(*asked, state=tmp_path)

    assert refused.exit_code == 2
    assert "2 accounts match" in refused.stderr


def test_match_asks_as_a_firm_of_the_demo(market: Market, api: str, tmp_path: Path) -> None:
    market.listed_mill()
    buyer = market.organisation("Buyer")
    made = account("Buyer", organisation_id=buyer, token=market.keyring.key(buyer))
    Accounts(by_key={"buyer": made}).write(tmp_path)

    asked = ("match", "--process", "machining.milling", "--as", "buyer", "--api", api)
    window = ("--from", "2026-03-02T12:00:00", "--to", "2026-03-05T12:00:00")
    shown = run(*asked, *window, state=tmp_path)

    assert shown.exit_code == 0, shown.output
    assert "1 candidates of 1 listings" in shown.stdout


def test_a_platform_that_is_not_there_has_an_exit_code_of_its_own() -> None:
    refused = run("book", "show", "x", "--api", "http://127.0.0.1:1")

    assert refused.exit_code == 3
    assert "Cannot reach" in refused.stderr


CHAIN = ("machining.turning", "machining.milling")


@pytest.fixture
def chain(market: Market) -> tuple[str, ...]:
    """What asks for a chain that somebody can do."""
    for process in CHAIN:
        market.listed_mill(process, capabilities=[{"process": process}])
    window = market.window()
    steps = [word for process in CHAIN for word in ("--step", f"{process}:2,budget=5000")]
    times = ("--from", window["start"][:19], "--to", window["end"][:19])
    return ("route", *steps, *times)


def test_route_shows_the_way_and_holds_it_as_one(
    market: Market, api: str, chain: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "UTC")
    key = market.keyring.key(market.organisation("Buyer"), Role.BUYER)

    shown = run(*chain, "--api", api, key=key)
    chinese = run(*chain, "--api", api, "--lang", "zh", key=key)
    held = run(*chain, "--hold", "--api", api, "--json", key=key)
    joint = json.loads(held.stdout)
    same = ("--joint", "--api", api)
    confirmed = run("book", "confirm", joint["id"], *same, key=key)
    cancelled = run("book", "cancel", joint["id"], *same, "--json", key=key)

    assert shown.exit_code == 0, shown.output
    assert "1,200.00 CNY" in shown.stdout
    assert "the best of all routes over these candidates" in " ".join(shown.stdout.split())
    assert "资源" in chinese.stdout
    assert "已证明为最优路线" in chinese.stdout.replace("\n", "")
    assert (joint["state"], len(joint["legs"])) == ("held", 2)
    assert "confirmed" in confirmed.stdout
    assert json.loads(cancelled.stdout)["state"] == "cancelled"


def test_route_says_which_step_nobody_can_do(
    market: Market, api: str, chain: tuple[str, ...]
) -> None:
    key = market.keyring.key(market.organisation("Buyer"))

    answered = run(*chain, "--step", f"{CHAIN[0]}:1,budget=1", "--hold", "--api", api, key=key)

    assert answered.exit_code == 1
    said = " ".join(answered.stdout.split())
    assert "no listing fits step 3 alone" in said
    assert "step 3: 0 of 1 listings fit" in said
    assert "→ budget CN¥1.00 → CN¥300.00" in said


@pytest.mark.parametrize("step", ["machining.turning:x", "machining.turning:1,colour=red",
                                  "machining.turning:1,units=many"])  # fmt: skip
def test_a_step_that_cannot_be_read_is_refused(api: str, step: str) -> None:
    refused = run("route", "--step", step, "--api", api, key="nk_0")
    assert refused.exit_code == 2
    assert step in refused.stderr.replace("\n", "")


def test_a_round_is_opened_joined_closed_and_shown(market: Market, api: str) -> None:
    lead = market.organisation("Lead")
    key = market.keyring.key(lead)
    signed = {"authorization": f"Bearer {key}"}
    space = market.client.post("spaces", json={"name": "S", "name_zh": "链"}, headers=signed).json()
    until = (market.clock.now() + timedelta(hours=1)).astimezone().strftime("%Y-%m-%dT%H:%M:%S")
    asked = ("--space", space["id"], "--until", until, "--api", api, "--json")
    answered = run("round", "open", "Week", *asked, key=key)
    assert answered.exit_code == 0, answered.output
    opened = json.loads(answered.stdout)
    demand = market.demand(lead)

    joined = run("round", "join", opened["id"], "--demand", demand["id"], "--api", api, key=key)
    closed = run("round", "close", opened["id"], "--api", api, key=key)
    shown = run("round", "show", opened["id"], "--api", api, key=key)
    again = run("round", "close", opened["id"], "--api", api, key=key)

    assert "waits in round" in joined.stdout.replace("\n", " "), joined.output
    assert closed.exit_code == shown.exit_code == 0, closed.output
    assert "waiting" in shown.stdout
    assert again.exit_code == 1
    assert "409" in again.stderr
