"""Rounds on a real database: who wins is held for, who loses hears why, and nothing twice."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import pairwise
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import text

from gateway.worker.metrics import WorkerMetrics
from gateway.worker.schedule import scheduled_jobs
from marketplace.rounds.closing import Means, advance
from marketplace.taxonomy.loader import load_taxonomy
from services.contracts.access import Role
from services.identity import handlers as identity
from services.identity.domain import OrganisationKind
from services.runtime.database_roles import WORKER
from services.runtime.db import Sessions, transaction
from services.runtime.settings import Settings
from tests.support.api import Market
from tests.support.clock import FrozenClock
from tests.support.firms import Firm, Firms, firms_on
from tests.support.working import sessions_as

pytestmark = pytest.mark.integration

Document = dict[str, Any]
STALE = timedelta(seconds=30)
HOURLY = {"cheap": 30_000, "dear": 35_000}
FOUR_HOURS = {name: 4 * minor for name, minor in HOURLY.items()}


class Chain:
    """A chain space: a lead, two suppliers with a machine each, and buyers."""

    def __init__(self, firms: Firms, worker: Sessions, clock: FrozenClock) -> None:
        self.clock = clock
        self.firms = firms
        self.worker = worker
        self.lead = firms.firm("Lead")
        answer = self.lead.http.post("spaces", json={"name": "Chain", "name_zh": "链"})
        self.space_id = answer.json()["id"]
        self._market = Market(self.lead.http, clock)
        self.offers = {name: self.machine(name, minor) for name, minor in HOURLY.items()}

    def machine(self, name: str, price_minor: int, *, visibility: str = "public") -> Document:
        """The offer of a new supplier's one machine."""
        supplier = self.firms.firm(f"Supplier {name}")
        self._market.client = supplier.http
        site = self._market.site(str(supplier.id))
        machine = self._market.resource(str(supplier.id), site, visibility=visibility)
        price = {"price_minor": price_minor}
        return self._market.offer(str(supplier.id), [machine], price=price, visibility=visibility)

    def buyer(self, name: str) -> Firm:
        firm = self.firms.firm(name)
        answer = self.lead.http.put(f"spaces/{self.space_id}/members/{firm.id}")
        assert answer.is_success, answer.text
        return firm

    def open(self, *, status: int = 201, **facts: Any) -> Document:
        closes_at = self.clock.now() + timedelta(hours=1)
        body = {"title": "Week 10", "space_id": self.space_id, "closes_at": closes_at.isoformat()}
        return asked(self.lead.http.post("rounds", json=body | facts), status)

    def demand(self, firm: Firm, **facts: Any) -> str:
        """Four hours within four hours: a machine serves one such demand."""
        market = Market(firm.http, self.clock)
        window = market.window(starts_in=timedelta(hours=2), lasts=timedelta(hours=4))
        return str(market.demand(str(firm.id), **{"window": window, **facts})["id"])

    def pooled(self, round_id: str, firm: Firm, **facts: Any) -> str:
        demand_id = self.demand(firm, **facts)
        asked(join(firm, round_id, demand_id), 201)
        return demand_id

    def close(self, round_id: str) -> None:
        asked(self.lead.http.post(f"rounds/{round_id}/close"), 200)

    def step(self, *, dies: bool = False) -> bool:
        """One step of the worker, which may die before it commits."""
        with transaction(self.worker) as session:
            was_due = advance(Means(session, self.clock, load_taxonomy(), STALE))
            if dies:
                raise InterruptedError
            return was_due

    def work(self) -> None:
        """The worker's job, as it is scheduled."""
        metrics = WorkerMetrics(CollectorRegistry())
        jobs = scheduled_jobs(
            settings=Settings(), sessions=self.worker, clock=self.clock, metrics=metrics
        )
        next(job for job in jobs if job.name == "clear-rounds").run()

    def cleared(self, *firms: Firm, **facts: Any) -> Document:
        """A round in which each firm has one demand, as it ended."""
        round_id = self.open(**facts)["id"]
        for firm in firms:
            self.pooled(round_id, firm)
        self.close(round_id)
        self.work()
        return asked(self.lead.http.get(f"rounds/{round_id}"), 200)


def join(firm: Firm, round_id: str, demand_id: str) -> httpx.Response:
    return firm.http.post(f"rounds/{round_id}/demands", json={"demand_id": demand_id})


def asked(response: httpx.Response, status: int) -> Document:
    assert response.status_code == status, response.text
    document: Document = response.json()
    return document


def outcome(firm: Firm, round_id: str) -> Document:
    """What became of the firm's one demand."""
    (item,) = asked(firm.http.get(f"rounds/{round_id}/outcomes"), 200)["items"]
    found: Document = item
    return found


def booking_of(firm: Firm, round_id: str) -> Document:
    return asked(firm.http.get(f"bookings/{outcome(firm, round_id)['booking_id']}"), 200)


@pytest.fixture
def chain(sessions: Sessions, clock: FrozenClock) -> Iterator[Chain]:
    with firms_on(sessions, clock) as firms, sessions_as(sessions, WORKER) as worker:
        yield Chain(firms, worker, clock)


def test_a_batch_serves_whom_first_come_would_have_left_out(chain: Chain) -> None:
    flexible, thrifty, late = (chain.buyer(name) for name in ("Flexible", "Thrifty", "Late"))
    round_id = chain.open()["id"]
    chain.pooled(round_id, flexible)
    chain.pooled(round_id, thrifty, budget_minor=FOUR_HOURS["cheap"])
    chain.pooled(round_id, late, budget_minor=FOUR_HOURS["cheap"])
    chain.work()
    assert outcome(thrifty, round_id)["outcome"] == "waiting"
    chain.close(round_id)
    chain.work()

    held = booking_of(flexible, round_id)
    assert (held["state"], held["offer_id"]) == ("held", chain.offers["dear"]["id"])
    assert held["price"]["minor"] == outcome(flexible, round_id)["price_minor"]
    assert {outcome(one, round_id)["outcome"] for one in (thrifty, late)} == {"held", "unserved"}
    lost = next(one for one in (thrifty, late) if outcome(one, round_id)["outcome"] == "unserved")
    told = outcome(lost, round_id)
    assert (told["reason"], told["options"], told["booking_id"]) == ("contended", 1, None)
    assert told["scarcity_minor"] > 0
    assert "scarcity" in told["text"]
    in_chinese = lost.http.get(f"rounds/{round_id}/outcomes", headers={"accept-language": "zh"})
    assert "供不应求" in in_chinese.json()["items"][0]["text"]

    total = asked(chain.lead.http.get(f"rounds/{round_id}"), 200)
    result = total["result"]
    assert (total["state"], result["method"]) == ("closed", "slots")
    assert (result["held"], result["unserved"], result["planned"]) == (2, 1, 2)
    assert (result["faults"], result["gap_minor"], result["cost_of_fairness_minor"]) == ([], 0, 0)
    assert result["cost_minor"] == result["bound_minor"]


def test_a_firm_reads_its_own_outcomes_only_and_outsiders_nothing(chain: Chain) -> None:
    winner, other, stranger = chain.buyer("Winner"), chain.buyer("Other"), chain.firms.firm("Out")
    round_id = chain.cleared(winner, other)["id"]
    for firm in (winner, other):
        file = firm.http.get(f"rounds/{round_id}/outcomes?format=csv")
        assert file.headers["content-type"].startswith("text/csv")
        assert outcome(firm, round_id)["demand_id"] in file.text
        assert len(file.text.strip().splitlines()) == 2
    assert asked(chain.lead.http.get(f"rounds/{round_id}/outcomes"), 200)["items"] == []
    for path in (f"rounds/{round_id}", f"rounds/{round_id}/outcomes"):
        assert asked(stranger.http.get(path), 404)["code"] == "round-not-found"
    assert asked(stranger.http.get("rounds"), 200)["items"] == []
    assert asked(join(stranger, round_id, chain.demand(stranger)), 404)["code"] == "round-not-found"
    assert asked(winner.http.post(f"rounds/{round_id}/close"), 404)["code"] == "round-not-found"


def test_what_a_buyer_may_not_see_it_does_not_win(chain: Chain) -> None:
    buyer = chain.buyer("Buyer")
    secret = chain.machine("secret", 100, visibility="organisation")
    round_id = chain.open()["id"]
    chain.pooled(round_id, buyer, budget_minor=FOUR_HOURS["cheap"] - 1)
    chain.close(round_id)
    chain.work()
    told = outcome(buyer, round_id)
    assert (told["outcome"], told["reason"], told["options"]) == ("unserved", "no-candidate", 0)
    assert secret["visibility"] == "organisation"


def test_what_nobody_can_serve_does_not_keep_the_others_waiting(chain: Chain) -> None:
    """One window is longer than any horizon, one has gone by when the round is decided."""
    endless, late, served = (chain.buyer(name) for name in ("Endless", "Late", "Served"))
    closes_at = chain.clock.now() + timedelta(minutes=40)
    round_id = chain.open(closes_at=closes_at.isoformat())["id"]
    market = Market(endless.http, chain.clock)
    chain.pooled(round_id, endless, window=market.window(lasts=timedelta(days=4_000)))
    short = market.window(starts_in=timedelta(0), lasts=timedelta(hours=2))
    chain.pooled(round_id, late, hours=1.5, window=short)
    chain.pooled(round_id, served)
    chain.clock.advance(timedelta(minutes=45))
    chain.work()
    reasons = [outcome(firm, round_id)["reason"] for firm in (endless, late, served)]
    assert reasons == ["no-candidate", "demand-over", None]


def test_two_workers_share_a_round_and_hold_each_demand_once(chain: Chain) -> None:
    buyers = [chain.buyer(f"Buyer {number}") for number in range(2)]
    round_id = chain.open()["id"]
    for buyer in buyers:
        chain.pooled(round_id, buyer)
    chain.close(round_id)
    assert chain.step()
    with chain.worker() as one, chain.worker() as other:
        steps = [
            advance(Means(session, chain.clock, load_taxonomy(), STALE)) for session in (one, other)
        ]
        third = chain.step()
        one.commit()
        other.commit()
    assert (steps, third) == ([True, True], False)
    chain.work()
    assert len({booking_of(buyer, round_id)["id"] for buyer in buyers}) == 2


def test_a_crash_between_deciding_and_holding_neither_loses_nor_repeats(chain: Chain) -> None:
    buyers = [chain.buyer(name) for name in ("One", "Two")]
    round_id = chain.open()["id"]
    for buyer in buyers:
        chain.pooled(round_id, buyer)
    chain.close(round_id)
    assert chain.step()
    assert outcome(buyers[0], round_id)["outcome"] == "planned"
    with pytest.raises(InterruptedError):
        chain.step(dies=True)
    assert chain.step()
    chain.work()
    chain.work()
    with transaction(chain.worker) as session:
        found = session.connection().execute(text("SELECT demand_id, state FROM booking")).all()
    pooled = {outcome(buyer, round_id)["demand_id"] for buyer in buyers}
    assert sorted((str(one.demand_id), one.state) for one in found) == sorted(
        (one, "held") for one in pooled
    )


@pytest.mark.parametrize(
    ("budget", "expected", "reason"),
    [(FOUR_HOURS["dear"], "held", None), (FOUR_HOURS["cheap"], "unserved", "slot-taken")],
)
def test_a_slot_taken_meanwhile_falls_back_to_the_next_best(
    chain: Chain, budget: int, expected: str, reason: str | None
) -> None:
    buyer, rival = chain.buyer("Buyer"), chain.firms.firm("Rival")
    round_id = chain.open()["id"]
    chain.pooled(round_id, buyer, budget_minor=budget)
    chain.close(round_id)
    assert chain.step()
    cheap = chain.offers["cheap"]
    slot = {
        "resource_id": cheap["resource_ids"][0],
        "offer_id": cheap["id"],
        "start": (chain.clock.now() + timedelta(hours=3)).isoformat(),
        "minutes": 60,
    }
    asked(rival.http.post("bookings", json=slot), 201)
    chain.work()
    told = outcome(buyer, round_id)
    assert (told["outcome"], told["reason"]) == (expected, reason)
    if expected == "held":
        assert booking_of(buyer, round_id)["offer_id"] == chain.offers["dear"]["id"]


def test_hours_of_one_machine_are_shared_by_several(chain: Chain) -> None:
    buyers = [chain.buyer(f"Buyer {number}") for number in range(3)]
    round_id = chain.open()["id"]
    window = Market(buyers[0].http, chain.clock).window(
        starts_in=timedelta(hours=2), lasts=timedelta(hours=13)
    )
    for buyer in buyers:
        chain.pooled(round_id, buyer, window=window, budget_minor=FOUR_HOURS["cheap"])
    chain.close(round_id)
    chain.work()
    result = asked(chain.lead.http.get(f"rounds/{round_id}"), 200)["result"]
    assert (result["method"], result["held"], result["faults"]) == ("hours", 3, [])
    held = sorted((booking_of(buyer, round_id) for buyer in buyers), key=lambda one: one["start"])
    assert {one["offer_id"] for one in held} == {chain.offers["cheap"]["id"]}
    assert all(one["end"] <= two["start"] for one, two in pairwise(held))


def test_a_firm_that_lost_before_is_served_and_the_cost_of_it_is_told(chain: Chain) -> None:
    """The small firm is always a little dearer to serve, until its waiting counts."""
    fairness = {"patience_windows": 1, "credit_per_window_minor": 3_000, "credit_max_minor": 6_000}
    small, large = chain.buyer("Small"), chain.buyer("Large")
    served, costs = [], []
    for day in range(3):
        round_id = chain.open(fairness=fairness)["id"]
        for firm, minutes in ((large, 240), (small, 243)):
            start = chain.clock.now() + timedelta(days=day, hours=2)
            window = {"start": start.isoformat(), "end": (start + timedelta(hours=5)).isoformat()}
            hours = str(minutes / 60)
            chain.pooled(round_id, firm, hours=hours, window=window, budget_minor=125_000)
        chain.close(round_id)
        chain.work()
        served.append(outcome(small, round_id)["outcome"])
        result = asked(chain.lead.http.get(f"rounds/{round_id}"), 200)["result"]
        costs.append(result["cost_of_fairness_minor"])
    assert served == ["unserved", "unserved", "held"]
    assert costs == [0, 0, 1_500]


def test_a_demand_waits_in_one_round_and_may_leave_it(chain: Chain) -> None:
    buyer = chain.buyer("Buyer")
    first, second = chain.open()["id"], chain.open()["id"]
    demand_id = chain.pooled(first, buyer)
    for round_id in (first, second):
        assert asked(join(buyer, round_id, demand_id), 409)["code"] == "demand-pooled"
    assert buyer.http.delete(f"rounds/{first}/demands/{demand_id}").status_code == 204
    left = buyer.http.delete(f"rounds/{first}/demands/{demand_id}")
    assert asked(left, 404)["code"] == "demand-not-pooled"
    asked(join(buyer, second, demand_id), 201)
    chain.close(second)
    assert asked(join(buyer, second, chain.demand(buyer)), 409)["code"] == "round-closed"
    too_late = buyer.http.delete(f"rounds/{second}/demands/{demand_id}")
    assert asked(too_late, 409)["code"] == "round-closed"
    assert asked(chain.lead.http.post(f"rounds/{second}/close"), 409)["code"] == "round-closed"


def test_what_does_not_fit_a_round_is_refused_with_the_reason(chain: Chain) -> None:
    buyer = chain.buyer("Buyer")
    turning = chain.open(process="machining.turning")["id"]
    dollars = chain.open(currency="USD")["id"]
    for round_id, part in ((turning, "machining.turning"), (dollars, "USD")):
        refused = asked(join(buyer, round_id, chain.demand(buyer)), 422)
        assert refused["code"] == "demand-unfit"
        assert part in refused["detail"]
    other = chain.buyer("Other")
    foreign = join(buyer, chain.open()["id"], chain.demand(other))
    assert asked(foreign, 404)["code"] == "demand-not-found"


REFUSED: dict[str, Callable[[Chain], Document]] = {
    "round-end-invalid": lambda chain: {"closes_at": chain.clock.now().isoformat()},
    "round-place-invalid": lambda _: {"park": "p"},
    "unknown-process": lambda _: {"process": "machining.miling"},
    "space-not-found": lambda chain: {"space_id": str(chain.clock.new_id())},
    "round-for-all-refused": lambda _: {"space_id": None},
}


def test_who_opens_a_round_where(chain: Chain) -> None:
    statuses = {"space-not-found": 404, "round-for-all-refused": 403}
    for code, facts in REFUSED.items():
        assert chain.open(status=statuses.get(code, 422), **facts(chain))["code"] == code
    closes_at = (chain.clock.now() + timedelta(hours=1)).isoformat()
    body = {"title": "All", "closes_at": closes_at}
    everybody = chain.firms.administrator(Role.SYSTEM_ADMIN).post("rounds", json=body)
    assert asked(everybody, 201)["visibility"] == "public"
    assert len(asked(chain.firms.firm("Anybody").http.get("rounds"), 200)["items"]) == 1
    with transaction(chain.firms.sessions) as session:
        operator = identity.create_organisation(
            session=session,
            clock=chain.clock,
            name="Park",
            name_zh="园区",
            kind=OrganisationKind.PARK_OPERATOR,
        )
    runs = chain.firms.colleague(operator.id, "Operator", Role.PARK_OPERATOR)
    asked(runs.post("parks", json={"code": "park-1", "name": "P", "name_zh": "园"}), 201)
    assert asked(runs.post("rounds", json=body | {"park": "park-1"}), 201)["park"] == "park-1"
    refused = chain.lead.http.post("rounds", json=body | {"park": "park-1"})
    assert asked(refused, 404)["code"] == "park-not-found"
