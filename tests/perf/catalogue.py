"""``make bench NAME=catalogue``: how fast offers load, and how fast they are listed and found.

A file of offers with every attribute of their kinds is loaded as ``nonagon import offers`` does it,
resources, versions, listings, facts, events and search documents included. Then the HTTP door, a
process of its own with one durable PostgreSQL, is asked on a timetable of 50 requests a second by
nobody in particular: pages of the list from random places, lists narrowed by facets common and
rare, exact and of ranges, one offer, and words of the search. Time runs from when each request was
due. Every answer of a sample is compared with what the file says.
"""

import argparse
import asyncio
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import numpy as np
import uvloop

from gateway.commands.importing import Loader
from marketplace.offers.importing import Owner
from services.contracts.ids import OrganisationId, SiteId
from services.identity import handlers as identity
from services.identity.domain import OrganisationKind
from services.runtime import migrations
from services.runtime.clock import SystemClock
from services.runtime.database_roles import WORKER
from services.runtime.db import Sessions, engine_for, sessions_for, transaction
from services.runtime.embedded.postgres import EmbeddedPostgres
from services.runtime.settings import Settings, child_environment
from tests.perf.booking import DURABLE
from tests.perf.report import Bar, Report, finish

SEED: Final = 20_261_201
PER_SECOND: Final = 50
LOAD_BAR_S, P95_BAR_MS = 300.0, 50.0
FULL, QUICK = 100_000, 10_000
FULL_S, QUICK_S = 40, 20
WARM_S: Final = 3
SAMPLE: Final = 40
READY_WITHIN_S: Final = 60.0
API: Final = "/api/v1"
BARRED: Final = ("list", "facet", "detail")
CONTROLLERS: Final = ("Fanuc 31i", "Siemens 840D", "Heidenhain TNC7", "HNC-848D", "GSK 25i")
PROCESSES: Final = (
    ("machining.milling.5axis", "Five-axis milling", "五轴铣削"),
    ("machining.turning", "Turning", "车削"),
    ("machining.milling", "Milling", "铣削"),
    ("machining.grinding", "Grinding", "磨削"),
)
MATERIALS: Final = ("metal.aluminium", "metal.titanium", "metal.steel")
STANDARDS: Final = 500
"""Test standards of laboratories: each is a rare term."""

Line = dict[str, Any]


def lines(count: int) -> Iterator[Line]:
    """Machines and laboratory methods of direction 4 with all their attributes."""
    draw = random.Random(SEED)
    for number in range(count):
        yield _method(draw, number) if number % 4 == 3 else _machine(draw, number)


def _machine(draw: random.Random, number: int) -> Line:
    process, name, zh = draw.choice(PROCESSES)
    return {
        "direction": 4,
        "kind": "machine",
        "name": f"{name} centre {number}",
        "name_zh": f"{zh}中心 {number} 号",
        "title": f"{name} of {draw.choice(('housings', 'shafts', 'brackets', 'moulds'))} {number}",
        "title_zh": f"{zh}{draw.choice(('壳体', '轴类', '支架', '模具'))}加工 {number}",
        "capabilities": [
            {
                "process": process,
                "materials": draw.sample(MATERIALS, 2),
                "envelope_mm": [500, 450, 400],
                "tolerance_um": draw.randint(3, 50),
                "certificates": [{"kind": "iso-9001", "scope": "*", "number": f"C-{number}"}],
            }
        ],
        "price": {"price_minor": draw.randint(10_000, 90_000), "setup_minor": 20_000},
        "visibility": "public",
        "attributes": {
            "controller": draw.choice(CONTROLLERS),
            "axes": draw.choice((3, 3, 3, 4, 5, 9)),
            "spindle_speed_rpm": draw.randint(4_000, 42_000),
            "spindle_power_kw": round(draw.uniform(5, 120), 1),
            "payload_kg": draw.randint(100, 9_000),
            "surface_ra_um": round(draw.uniform(0.1, 6.3), 2),
            "automation": draw.choice(("manual", "assisted", "unattended")),
            "built_year": draw.randint(1995, 2026),
        },
    }


def _method(draw: random.Random, number: int) -> Line:
    return {
        "direction": 4,
        "kind": "lab_method",
        "name": f"Coordinate measuring {number}",
        "name_zh": f"三坐标测量 {number} 号",
        "title": f"Dimensional inspection {number}",
        "title_zh": f"尺寸检测 {number}",
        "capabilities": [{"process": "testing.dimensional.cmm", "tolerance_um": 2}],
        "price": {"price_minor": draw.randint(20_000, 60_000)},
        "visibility": "public",
        "attributes": {
            "test_standard": [f"GB/T {draw.randint(1, STANDARDS)}", "ISO 10360-2"],
            "measuring_uncertainty_um": round(draw.uniform(0.5, 9), 1),
            "report_days": draw.randint(1, 30),
            "report_seal": draw.sample(("cnas", "cma", "ilac"), 2),
        },
    }


@dataclass
class Catalogue:
    """What was loaded, as the answers must show it."""

    count: int
    titles: list[str] = field(default_factory=list)
    said: list[dict[str, Any]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)

    def write(self, file: Path) -> None:
        with file.open("w", encoding="utf-8") as out:
            for line in lines(self.count):
                out.write(json.dumps(line, ensure_ascii=False) + "\n")
                self.titles.append(line["title"])
                self.said.append(line["attributes"])

    def know(self, offers: Sequence[Any]) -> None:
        """The ids, in whose order everything is listed."""
        said = dict(zip(self.titles, self.said, strict=True))
        self.ids = [row[0] for row in offers]
        self.titles = [row[1] for row in offers]
        self.said = [said[title] for title in self.titles]


def owner_of(sessions: Sessions) -> Owner:
    """A firm with a site."""
    clock = SystemClock()
    with transaction(sessions) as session:
        firm = identity.create_organisation(
            session=session, clock=clock, name="Seller", name_zh="卖方", kind=OrganisationKind.FIRM
        )
        site = identity.create_site(
            session=session,
            clock=clock,
            organisation_id=firm.id,
            code="works",
            name="Works",
            name_zh="工厂",
            region_code="420111",
            park=None,
            lat=30.5,
            lon=114.4,
        )
    return Owner(OrganisationId(firm.id), SiteId(site.id))


Ask = tuple[str, dict[str, Any]]


class Asking:
    """Draws requests: a path and its query, by what they are for."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._draw = random.Random(SEED + 1)
        self.kinds: dict[str, Callable[[], Ask]] = {
            "list": self._list,
            "facet": self._facet,
            "detail": self._detail,
            "search": self._search,
        }

    def drawn(self, count: int) -> list[tuple[str, Ask]]:
        """Each kind in turn."""
        names = list(self.kinds)
        return [(name, self.kinds[name]()) for name in (names * (count // len(names) + 1))[:count]]

    def _list(self) -> Ask:
        return "/offers", {"after": self._draw.choice(self._catalogue.ids)}

    def _facet(self) -> Ask:
        draw = self._draw
        low = draw.randint(4_000, 30_000)
        rare = [f"test_standard:GB/T {draw.randint(1, STANDARDS)}"]
        asked = draw.choice(
            (
                [f"automation:{draw.choice(('manual', 'assisted', 'unattended'))}"],
                [f"axes:{draw.choice((3, 4, 5, 9))}"],
                [
                    f"controller:{draw.choice(CONTROLLERS)}",
                    f"built_year:{draw.randint(2000, 2020)}..",
                ],
                [f"spindle_speed_rpm:{low}..{low + 40}"],
                [f"payload_kg:{draw.randint(100, 8_000)}..", "automation:unattended", "axes:5"],
                rare,
                [*rare, "report_seal:cnas"],
            )
        )
        return "/offers", {"direction": 4, "attribute": asked}

    def _detail(self) -> Ask:
        return f"/offers/{self._draw.choice(self._catalogue.ids)}", {}

    def _search(self) -> Ask:
        number = self._draw.randrange(self._catalogue.count)
        return "/search", {"q": self._draw.choice((f"inspection {number}", f"检测 {number}"))}


async def same_as_the_file(client: httpx.AsyncClient, catalogue: Catalogue, ask: Asking) -> bool:
    """Whether narrowed lists hold exactly the first offers that say so, in their order."""
    right = True
    for _ in range(SAMPLE):
        path, query = ask.kinds["facet"]()
        answer = (await client.get(API + path, params=query)).json()
        wanted = [
            title
            for title, said in zip(catalogue.titles, catalogue.said, strict=True)
            if all(_passes(said, one) for one in query["attribute"])
        ]
        found = [item["title"] for item in answer["items"]]
        right = right and found == wanted[: len(found)] and len(found) == min(50, len(wanted))
    return right


def _passes(said: dict[str, Any], asked: str) -> bool:
    name, _, text = asked.partition(":")
    if name not in said:
        return False
    values = said[name] if isinstance(said[name], list) else [said[name]]
    if isinstance(values[0], str):
        return text in values
    low, dots, high = text.partition("..")
    least = float(low or "-inf")
    most = float(high or "inf") if dots else least
    return any(least <= value <= most for value in values)


async def on_time(
    client: httpx.AsyncClient, asked: Sequence[tuple[str, Ask]]
) -> dict[str, list[float]]:
    """How many ms each answer took from when its request was due, by kind."""
    loop = asyncio.get_running_loop()
    took: dict[str, list[float]] = {}
    began = loop.time() + 0.1

    async def ask(name: str, path: str, query: dict[str, Any], due: float) -> None:
        answer = await client.get(API + path, params=query)
        if answer.status_code != httpx.codes.OK:
            raise RuntimeError(f"{path} {query}: {answer.text}")
        took.setdefault(name, []).append((loop.time() - due) * 1e3)

    async with asyncio.TaskGroup() as tasks:
        for number, (name, (path, query)) in enumerate(asked):
            due = began + number / PER_SECOND
            if (early := due - loop.time()) > 0:
                await asyncio.sleep(early)
            tasks.create_task(ask(name, path, query, due))
    return took


async def measure(address: str, catalogue: Catalogue, seconds: int) -> tuple[bool, dict[str, Any]]:
    """Whether answers are right, and the percentiles of each kind."""
    async with httpx.AsyncClient(base_url=address, trust_env=False, timeout=30) as client:
        asking = Asking(catalogue)
        right = await same_as_the_file(client, catalogue, asking)
        await on_time(client, asking.drawn(WARM_S * PER_SECOND))
        took = await on_time(client, asking.drawn(seconds * PER_SECOND))
    figures = {
        name: {f"p{part}_ms": round(float(np.percentile(found, part)), 1) for part in (50, 95, 99)}
        | {"requests": len(found)}
        for name, found in took.items()
    }
    return right, figures


def wait_for(address: str, door: subprocess.Popen[bytes], log: Path) -> None:
    until = time.perf_counter() + READY_WITHIN_S
    while time.perf_counter() < until and door.poll() is None:
        try:
            if httpx.get(f"{address}/livez", trust_env=False).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise RuntimeError(log.read_text())


def run(count: int, seconds: int, state: Path, database_url: str) -> int:
    catalogue, file = Catalogue(count), state / "offers.jsonl"
    catalogue.write(file)
    engine = engine_for(database_url, pool_max=1, application="bench", role=WORKER)
    sessions = sessions_for(engine)
    owner = owner_of(sessions)
    began = time.perf_counter()
    Loader(sessions, Settings()).load(file, owner)
    load_s = round(time.perf_counter() - began, 1)
    with transaction(sessions) as session:
        found = session.connection().exec_driver_sql(
            "SELECT id::text, title FROM offer ORDER BY id"
        )
        catalogue.know(found.all())
        searchable = session.connection().exec_driver_sql("SELECT count(*) FROM search_document")
        whole = len(catalogue.ids) == count == searchable.scalar_one()
    engine.dispose()
    sys.stderr.write(f"loaded {count} offers in {load_s} s\n")
    right, figures = _served(catalogue, seconds, state, database_url)
    return _report(count, load_s, figures, identical=right and whole)


def _served(
    catalogue: Catalogue, seconds: int, state: Path, database_url: str
) -> tuple[bool, dict[str, Any]]:
    log = state / "http.log"
    port = 18_000 + SEED % 1_000
    environment = child_environment(database_url=database_url, http_port=port, state_dir=state)
    with log.open("wb") as out:
        door = subprocess.Popen(
            [sys.executable, "-m", "gateway.http"], env=environment, stdout=out, stderr=out
        )
    try:
        address = f"http://127.0.0.1:{port}"
        wait_for(address, door, log)
        return uvloop.run(measure(address, catalogue, seconds))
    finally:
        door.terminate()
        door.wait()


def _report(count: int, load_s: float, figures: dict[str, Any], *, identical: bool) -> int:
    for name, one in figures.items():
        sys.stdout.write(f"{name:>7}  {one}\n")
    bars = [Bar(f"seconds to load {count} offers", load_s, LOAD_BAR_S, load_s < LOAD_BAR_S)]
    for name in BARRED:
        p95 = figures[name]["p95_ms"]
        bars.append(Bar(f"p95 of {name}, ms", p95, P95_BAR_MS, p95 <= P95_BAR_MS))
    ours = {"offers": count, "load_s": load_s, "per_second": PER_SECOND, **figures}
    return finish(
        Report(
            bench="catalogue", ours=ours, peers={}, ratios={}, identical=identical, bars=tuple(bars)
        )
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="10,000 offers, asked for 20 s")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory(prefix="nonagon-bench-") as folder:
        state = Path(folder)
        state.chmod(0o711)
        with EmbeddedPostgres(state / "database", options=DURABLE) as database:
            migrations.upgrade(database.database_url)
            count, seconds = (QUICK, QUICK_S) if quick else (FULL, FULL_S)
            return run(count, seconds, state, database.database_url)


if __name__ == "__main__":
    raise SystemExit(main())
