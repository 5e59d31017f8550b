"""``make bench NAME=row-security``: what row security costs the requests people wait for.

One API answers the same requests on one database twice: as the door's own role, for whom row
security holds, and as a superuser, whom it lets pass. Both must answer alike. Rounds are
interleaved, medians over every request of every round are shown. Ingest is measured below HTTP, by
the batch.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from statistics import quantiles
from typing import Any, Final
from uuid import UUID

import httpx
import structlog
from rich.console import Console
from rich.progress import track
from rich.table import Table

from gateway.http.app import create_app
from marketplace.taxonomy.loader import load_taxonomy
from services.capacity.domain import ReportedObservation
from services.capacity.handlers import record_observations
from services.contracts.ids import GatewayId, ResourceId
from services.contracts.telemetry import Observation, Quality, Signal
from services.runtime.clock import Clock, SystemClock
from services.runtime.database_roles import APP, WORKER
from services.runtime.db import Sessions, engine_for, sessions_for, transaction
from services.runtime.embedded.postgres import EmbeddedPostgres
from services.runtime.settings import Settings
from tests.perf.report import Report, finish
from tests.support.api import Keyring, Market, served
from tests.support.servers import PostgresServer

FIRMS: Final = 20
MILLS_PER_FIRM: Final = 10
BATCH_ROWS: Final = 500
SEEN_WITHIN_S: Final = 3_600.0
WITH: Final = "row security"
WITHOUT: Final = "superuser, no row security"

Ask = Callable[[httpx.Client], Any]


@dataclass(slots=True)
class Arm:
    """One way to work in the database, and how long its requests took, in milliseconds."""

    client: httpx.Client
    ingest: Sessions
    took_ms: dict[str, list[float]] = field(default_factory=dict)
    answers: dict[str, Any] = field(default_factory=dict)

    def time(self, name: str, work: Callable[[], Any]) -> None:
        began = time.perf_counter()
        answer = work()
        self.took_ms.setdefault(name, []).append((time.perf_counter() - began) * 1e3)
        self.answers[name] = answer

    def summary(self) -> dict[str, dict[str, float]]:
        cuts = {name: quantiles(ms, n=100, method="inclusive") for name, ms in self.took_ms.items()}
        return {
            name: {f"p{percent}_ms": round(cut[percent - 1], 2) for percent in (50, 95)}
            for name, cut in cuts.items()
        }


@dataclass(frozen=True, slots=True)
class Field:
    """What is asked about: a demand everything fits, and a machine whose reports come in."""

    buyer: str
    demand: str
    resource: str
    offer: str
    gateway: str
    start: datetime


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    rounds, repeats = (3, 10) if parser.parse_args().quick else (15, 20)
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    console = Console(stderr=True)
    with (
        tempfile.TemporaryDirectory(prefix="nonagon-bench-") as name,
        database(Path(name)) as url,
        arms_of(url) as arms,
    ):
        place = prepared(arms[WITH].client)
        offsets = count(1)
        for number in track(range(rounds), "rounds", console=console):
            order = list(arms.values()) if number % 2 else list(reversed(arms.values()))
            for _ in range(repeats):
                for arm in order:
                    measure(arm, place, offsets)
    return finish(shown(arms, console))


@contextmanager
def database(folder: Path) -> Iterator[str]:
    folder.chmod(0o711)
    with EmbeddedPostgres(folder / "database") as server:
        yield PostgresServer(server).clone()


@contextmanager
def arms_of(url: str) -> Iterator[dict[str, Arm]]:
    """Both ways on one database; keys are made by the superuser for both."""
    clock = SystemClock()
    with ExitStack() as stack:

        def sessions(role: str | None) -> Sessions:
            engine = engine_for(url, pool_max=10, application="bench", role=role)
            stack.callback(engine.dispose)
            return sessions_for(engine)

        keyring = Keyring(sessions(None), clock)

        def client(role: str | None) -> httpx.Client:
            app = create_app(
                settings=Settings(requests_per_minute=1_000_000),
                sessions=sessions(role),
                clock=clock,
                catalogue=load_taxonomy(),
            )
            made = httpx.Client(
                base_url=f"{stack.enter_context(served(app))}/api/v1/",
                trust_env=False,
                timeout=30,
                auth=keyring,
                event_hooks={"response": [keyring.remember]},
            )
            return stack.enter_context(made)

        yield {
            WITH: Arm(client(APP), sessions(WORKER)),
            WITHOUT: Arm(client(None), sessions(None)),
        }


def prepared(client: httpx.Client) -> Field:
    """Firms with offered mills, one of them with a gateway, and a buyer with a demand."""
    clock = SystemClock()
    market = Market(client, clock)
    for number in range(FIRMS):
        firm = market.organisation(f"Works {number}")
        site = market.site(firm)
        mills = [market.resource(firm, site) for _ in range(MILLS_PER_FIRM)]
        offers = [market.offer(firm, [mill]) for mill in mills]
    gateway = market.post("gateways", {"site_id": site, "edge_node": "bench"})["id"]
    bound = client.put(f"resources/{mills[0]}/twin", json={"gateway_id": gateway, "device": "mill"})
    bound.raise_for_status()
    buyer = market.organisation("Buyer")
    return Field(
        buyer=buyer,
        demand=market.demand(buyer)["id"],
        resource=mills[0],
        offer=offers[0]["id"],
        gateway=gateway,
        start=clock.now().replace(second=0, microsecond=0) + timedelta(hours=4),
    )


def measure(arm: Arm, place: Field, offsets: Iterator[int]) -> None:
    """Every request once; the booking is cancelled again."""
    http = arm.client
    arm.time("list 50 offers", lambda: listed(http))
    arm.time(f"match {FIRMS * MILLS_PER_FIRM} offers", lambda: matched(http, place))
    held: list[str] = []
    arm.time("hold a slot", lambda: held.append(hold(http, place)))
    arm.time("cancel it", lambda: cancel(http, held[0]))
    rows = reports(place, next(offsets), SystemClock())
    arm.time(f"store {BATCH_ROWS} observations", lambda: store(arm.ingest, rows))


def listed(http: httpx.Client) -> list[str]:
    answer = http.get("offers", params={"limit": 50}).raise_for_status().json()
    return [one["id"] for one in answer["items"]]


def matched(http: httpx.Client, place: Field) -> list[Any]:
    answer = http.post(f"demands/{place.demand}/matches").raise_for_status().json()
    return [(one["resource_id"], one["offer_id"]) for one in answer["candidates"]]


def hold(http: httpx.Client, place: Field) -> str:
    asked = {
        "organisation_id": place.buyer,
        "resource_id": place.resource,
        "offer_id": place.offer,
        "start": place.start.isoformat(),
        "minutes": 120,
    }
    return str(http.post("bookings", json=asked).raise_for_status().json()["id"])


def cancel(http: httpx.Client, booking: str) -> str:
    answer = http.post(f"bookings/{booking}/cancel").raise_for_status().json()
    return str(answer["state"])


def reports(place: Field, batch: int, clock: Clock) -> list[ReportedObservation]:
    now, first = clock.now(), batch * BATCH_ROWS
    return [
        ReportedObservation(
            gateway_id=GatewayId(UUID(place.gateway)),
            resource_id=ResourceId(UUID(place.resource)),
            epoch=1,
            journal_offset=offset,
            observation=Observation("mill", Signal.PARTS, offset, Quality.GOOD, now, now),
        )
        for offset in range(first, first + BATCH_ROWS)
    ]


def store(sessions: Sessions, rows: list[ReportedObservation]) -> int:
    with transaction(sessions) as session:
        return record_observations(session=session, clock=SystemClock(), rows=rows).stored


def shown(arms: dict[str, Arm], console: Console) -> Report:
    ours, bare = (arms[name].summary() for name in (WITH, WITHOUT))
    table = Table("request", *(f"{arm}, p50 / p95 ms" for arm in arms), "ratio of medians")
    ratios = {name: round(ours[name]["p50_ms"] / bare[name]["p50_ms"], 3) for name in ours}
    for name, ratio in ratios.items():
        cells = [f"{one[name]['p50_ms']:.1f} / {one[name]['p95_ms']:.1f}" for one in (ours, bare)]
        table.add_row(name, *cells, f"{ratio:.2f}")
    console.print(table)
    steady = [name for name in ours if name != "hold a slot"]
    return Report(
        bench="row-security",
        ours=ours,
        peers={WITHOUT: bare},
        ratios=ratios,
        identical=all(arms[WITH].answers[one] == arms[WITHOUT].answers[one] for one in steady),
    )


if __name__ == "__main__":
    sys.exit(main())
