"""Pooled purchasing told as stories (``purchasing/*.yaml``), played through the API.

After every step the stranger still hears of nothing, and each supplier reads totals and no parts.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from marketplace.purchasing.handlers import settling
from services.ledger.handlers import checking
from services.runtime.database_roles import WORKER
from services.runtime.db import Sessions, engine_for, sessions_for, transaction
from tests.integration.deals.trade import Document, refused, told
from tests.support.clock import FrozenClock
from tests.support.firms import Firm, Firms, firms_on
from tests.support.servers import PostgresServer
from tests.support.working import sessions_as

STORIES: Final = sorted((Path(__file__).parent / "purchasing").glob("*.yaml"))
SHEET: Final = "description,unit,quantity,spec,needed_by\nBolt M8,piece,40,A2-70,\n"


@pytest.fixture
def firms(postgres_server: PostgresServer, clock: FrozenClock) -> Iterator[Firms]:
    url = postgres_server.clone()
    engine = engine_for(url, pool_max=5, application="test")
    with firms_on(sessions_for(engine), clock) as made:
        yield made
    engine.dispose()
    postgres_server.drop(url)


class Stage:
    """Plays the steps of one story."""

    def __init__(self, firms: Firms, worker: Sessions, clock: FrozenClock, story: Document) -> None:
        self.worker, self.clock = worker, clock
        names = ["lead", *story["members"], *story["suppliers"], "stranger"]
        self.firms: dict[str, Firm] = {name: firms.firm(name) for name in names}
        self.suppliers: list[str] = story["suppliers"]
        self.quotes: dict[str, str] = {}
        body = {
            "title": "Material for spring",
            "closes_at": self.in_minutes(15),
            "quotes_until": self.in_minutes(20),
            "items": story["items"],
            "members": self.ids(story["members"]),
            "suppliers": self.ids(story["suppliers"]),
        }
        lead = self.firms["lead"].http
        self.path = f"purchases/{told(lead.post('purchases', json=body), 201)['id']}"
        for name in names[1:]:
            assert refused(self.firms[name].http.get(self.path), 404) == "purchase-not-found"
        told(lead.post(f"{self.path}/open"))

    def play(self, step: Document) -> None:
        verb = next(iter(step))
        STEPS[verb](self, step[verb], {key: step[key] for key in step if key != verb})
        self.outsider("stranger", {})

    def join(self, name: str, more: Document) -> None:
        wanted = [{"number": one, "quantity": many} for one, many in more["quantities"].items()]
        self.asked(name, "PUT", "part", {"quantities": wanted}, more)

    def quote(self, name: str, more: Document) -> None:
        body = {"lines": more["lines"], "lead_days": 10, "valid_until": self.in_minutes(60 * 200)}
        made = self.asked(name, "POST", "quotes", body, more, status=201)
        self.quotes[name] = made.get("id", "")

    def totals(self, wanted: Mapping[int, int], more: Document) -> None:
        for name in more["seen_by"]:
            read = told(self.firms[name].http.get(self.path))
            assert {item["number"]: item["pooled"] for item in read["items"]} == wanted
        for name in self.suppliers:
            answer = self.firms[name].http.get(f"{self.path}/parts")
            assert refused(answer, 404) == "purchase-not-found"
            answer = self.firms[name].http.get(f"{self.path}/share")
            assert refused(answer, 409) == "purchase-no-part"

    def compare(self, wanted: list[Document], more: Document) -> None:
        found = told(self.firms["lead"].http.get(f"{self.path}/comparison"))
        of = {str(self.firms[name].id): name for name in self.suppliers}
        shown = [
            {"supplier": of[one["supplier_id"]], **{key: one[key] for key in row if key in one}}
            for one, row in zip(found["quotes"], wanted, strict=True)
        ]
        assert shown == wanted
        assert [one["rank"] for one in found["quotes"]] == list(range(1, len(wanted) + 1))
        assert all(cost["because"] for one in found["quotes"] for cost in one["costs"])
        assert found["best_minor"] == more["best_minor"]
        for name in more["refused_to"]:
            answer = self.firms[name].http.get(f"{self.path}/comparison")
            assert refused(answer, 404) == "purchase-not-found"

    def award(self, choices: Mapping[int, str], more: Document) -> None:
        body = {
            "choices": [
                {"number": one, "quote_id": self.quotes[of]} for one, of in choices.items()
            ],
            "confirm_by": self.in_minutes(10),
        }
        self.asked("lead", "POST", "award", body, more)

    def share(self, name: str, more: Document) -> None:
        read = told(self.firms[name].http.get(f"{self.path}/share"))
        assert {key: read[key] for key in more} == more
        assert all(line["because"] for line in read["lines"])

    def confirm(self, name: str, more: Document) -> None:
        body = {"at_most_minor": more["at_most_minor"]}
        self.asked(name, "POST", "share/confirm", body, more)

    def decline(self, name: str, more: Document) -> None:
        self.asked(name, "POST", "share/decline", None, more)

    def wait(self, minutes: int, _: Document) -> None:
        self.clock.advance(timedelta(minutes=minutes))

    def settle(self, expected: bool, _: Document) -> None:  # noqa: FBT001 - as the story says
        with transaction(self.worker) as session:
            assert settling.settle_next(session=session, clock=self.clock) is expected
        with transaction(self.worker) as session:
            assert not settling.settle_next(session=session, clock=self.clock)

    def outsider(self, name: str, _: Document) -> None:
        http = self.firms[name].http
        for part in ("", "/items", "/quotes", "/share", "/parts", "/comparison"):
            assert refused(http.get(f"{self.path}{part}"), 404) == "purchase-not-found"
        assert told(http.get("purchases"))["items"] == []

    def asked(
        self, name: str, method: str, what: str, body: Any, more: Document, *, status: int = 200
    ) -> Document:
        answer = self.firms[name].http.request(method, f"{self.path}/{what}", json=body)
        if "refused" in more:
            assert refused(answer, 409) == more["refused"]
            return {}
        return told(answer, status)

    def orders(self, name: str) -> dict[str, int]:
        """What the firm buys, of whom, for how much; each order with its escrow open."""
        found = told(self.firms[name].http.get("orders"))["items"]
        own = [one for one in found if one["organisation_id"] == str(self.firms[name].id)]
        assert all(one["escrow_id"] and one["state"] == "awarded" for one in own)
        by_id = {str(self.firms[supplier].id): supplier for supplier in self.suppliers}
        return {by_id[one["supplier_id"]]: one["total_minor"] for one in own}

    def ids(self, names: list[str]) -> list[str]:
        return [str(self.firms[name].id) for name in names]

    def in_minutes(self, minutes: int) -> str:
        return (self.clock.now() + timedelta(minutes=minutes)).isoformat()


STEPS: Final[Mapping[str, Callable[[Stage, Any, Document], None]]] = {
    name: getattr(Stage, name)
    for name in (
        "join", "quote", "totals", "compare", "award", "share", "confirm", "decline", "wait",
        "settle", "outsider",
    )
}  # fmt: skip


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_a_pooled_purchase_ends_in_orders_that_sum_to_it(
    firms: Firms, clock: FrozenClock, path: Path
) -> None:
    story: Document = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert len(story["story"]) > 100
    with sessions_as(firms.sessions, WORKER) as worker:
        stage = Stage(firms, worker, clock, story)
        for step in story["steps"]:
            stage.play(step)
        expect = story["expect"]
        lead = stage.firms["lead"].http
        ended = told(lead.get(stage.path))
        assert ended["state"] == expect["state"]
        finals = {
            one["number"]: [one["final_quantity"], one["final_minor"]] for one in ended["awards"]
        }
        assert finals == expect["finals"]
        parts = {one["member_id"]: one for one in told(lead.get(f"{stage.path}/parts"))["items"]}
        for name, state in expect["parts"].items():
            part = parts[str(stage.firms[name].id)]
            assert part["state"] == state
            assert (part["because"] is not None) == (state == "left_out")
        orders = {name: stage.orders(name) for name in expect["orders"]}
        assert orders == expect["orders"]
        paid = sum(amount for bought in orders.values() for amount in bought.values())
        assert paid == sum(minor for _, minor in finals.values())
        with transaction(worker) as session:
            assert checking.check(session=session).is_sound


def test_a_list_is_filled_from_a_sheet_whole_or_not_at_all(
    firms: Firms, clock: FrozenClock
) -> None:
    lead = firms.firm("Lead").http
    later = clock.now() + timedelta(days=3)
    body = {"title": "Fasteners", "closes_at": later.isoformat(), "quotes_until": later.isoformat()}
    path = f"purchases/{told(lead.post('purchases', json=body), 201)['id']}"
    assert refused(lead.post(f"{path}/open"), 422) == "purchase-invalid"
    wrong = f"{SHEET}Nut M8,piece,many,,\n,piece,4,,soon\n"
    answer = told(lead.put(f"{path}/items/file?format=csv", content=wrong.encode()))
    assert not answer["is_filled"]
    found = sorted((one["row"], one["column"]) for one in answer["problems"])
    assert found == [(3, "quantity"), (4, "description"), (4, "needed_by")]
    assert told(lead.get(path))["items"] == []
    filled = told(lead.put(f"{path}/items/file?format=csv", content=SHEET.encode("gb18030")))
    assert (filled["is_filled"], filled["items"]) == (True, 1)
    workbook = lead.get(f"{path}/items?format=xlsx").content
    assert told(lead.put(f"{path}/items/file?format=xlsx", content=workbook))["is_filled"]
    (item,) = told(lead.get(path))["items"]
    assert (item["description"], item["spec"]) == ("Bolt M8", "A2-70")
    bad = lead.put(f"{path}/items/file?format=xlsx", content=b"no archive")
    assert refused(bad, 422) == "sheet-unreadable"
