"""The parties of a story, each with a client of its own, and the worker that serves them."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from uuid import UUID

import httpx
from prometheus_client import CollectorRegistry
from sqlalchemy import text

from gateway.worker.__main__ import CONSUMERS
from gateway.worker.metrics import WorkerMetrics
from gateway.worker.schedule import scheduled_jobs
from marketplace.taxonomy.loader import load_taxonomy
from search.backend import index_for
from search.consumers import consumers as search_consumers
from services.contracts.access import Role
from services.contracts.ids import OrganisationId, PersonId
from services.identity.domain import OrganisationKind
from services.runtime.consumers import Consumer, handle_once
from services.runtime.database_roles import WORKER
from services.runtime.db import Sessions, transaction
from services.runtime.settings import Settings
from tests.scenarios.reading import Document, party_of
from tests.support.clock import FrozenClock
from tests.support.firms import Firms, firms_on
from tests.support.working import sessions_as

ROUNDS_MAX: Final = 10
"""Jobs and events that cause each other come to rest long before."""
REGION: Final = "420111"
_TOLD_SINCE: Final = text(
    "SELECT seq, subject, payload FROM outbox_event WHERE seq > :seen ORDER BY seq"
)


@dataclass(frozen=True, slots=True)
class Party:
    firm: OrganisationId
    person: PersonId
    strong: bool


class Troupe:
    """Who takes part; ``known`` says whose ids are whose."""

    def __init__(self, firms: Firms) -> None:
        self._firms = firms
        self._parties: dict[str, Party] = {}
        self._clients: dict[str, httpx.Client] = {}

    @property
    def known(self) -> dict[str, str]:
        firms = {name: str(party.firm) for name, party in self._parties.items()}
        people = {f"{name} person": str(party.person) for name, party in self._parties.items()}
        return firms | people

    def client(self, name: str) -> httpx.Client:
        return self._clients[name]

    def join(self, name: str, said: Any) -> None:
        """A firm of its own for each, unless it is ``of`` another party's or the platform's.

        ``roles`` make a colleague who asks for it; an administrator has a second factor proven.
        """
        party = party_of(said)
        roles = [Role(role) for role in party.get("roles", ())]
        if "administrator" in party:
            client = self._firms.administrator(Role(party["administrator"]))
        elif "of" in party:
            firm_id = self._parties[party["of"]].firm
            client = self._firms.colleague(firm_id, f"{name} colleague", *roles)
        else:
            kind = OrganisationKind(party.get("kind", OrganisationKind.FIRM))
            firm = self._firms.firm(f"{name} works", kind=kind)
            client = firm.http
            if roles:
                client = self._firms.colleague(firm.id, f"{name} colleague", *roles)
        self._clients[name] = client
        asked = client.get("session").json()
        firm_id = OrganisationId(UUID(asked["organisation_id"]))
        person_id = PersonId(UUID(asked["person"]["id"]))
        self._parties[name] = Party(firm_id, person_id, strong="administrator" in party)
        if "administrator" in party:
            self.sign_in_again([name])

    def sign_in_again(self, names: Iterable[str] | None = None) -> None:
        """Sessions do not last for the days of a story."""
        for name in self._parties if names is None else names:
            party = self._parties[name]
            self._clients[name] = self._firms.client(party.person, party.firm, strong=party.strong)


class Backstage:
    """The worker without a broker: its jobs, and its consumers fed from the outbox."""

    def __init__(self, worker: Sessions, clock: FrozenClock, settings: Settings) -> None:
        self._worker = worker
        self._clock = clock
        self._seen = 0
        metrics = WorkerMetrics(CollectorRegistry())
        jobs = scheduled_jobs(settings=settings, sessions=worker, clock=clock, metrics=metrics)
        self._jobs = {job.name: job.run for job in jobs}
        found = (*CONSUMERS, *search_consumers(index_for(settings), load_taxonomy()))
        self._consumers: dict[str, list[Consumer[Any]]] = {}
        for consumer in found:
            self._consumers.setdefault(consumer.event.subject(), []).append(consumer)

    def work(self, names: Iterable[str] | None = None) -> None:
        """Run these jobs, or all, until nothing is told any more."""
        for _ in range(ROUNDS_MAX):
            for name in self._jobs if names is None else names:
                self._jobs[name]()
            if not self.settle():
                return
        raise AssertionError("jobs and events go round in circles")

    def settle(self) -> int:
        """Let every event told since reach its consumers, and what these tell; how many."""
        told = 0
        for _ in range(ROUNDS_MAX):
            with transaction(self._worker) as session:
                rows = session.connection().execute(_TOLD_SINCE, {"seen": self._seen}).all()
            if not rows:
                return told
            told += len(rows)
            for row in rows:
                self._seen = row.seq
                self._consume(row.subject, row.payload)
        raise AssertionError("events go round in circles")

    def _consume(self, subject: str, payload: Document) -> None:
        for consumer in self._consumers.get(subject, ()):
            event = consumer.event.model_validate(payload)
            handle_once(self._worker, self._clock, consumer, event)


@dataclass(frozen=True, slots=True)
class Stage:
    troupe: Troupe
    backstage: Backstage
    clock: FrozenClock


@contextmanager
def stage_on(sessions: Sessions, clock: FrozenClock, **settings: Any) -> Iterator[Stage]:
    """An empty stage on an API of the test's own; ``settings`` are the platform's."""
    with (
        TemporaryDirectory() as folder,
        firms_on(sessions, clock, state_dir=Path(folder), **settings) as firms,
        sessions_as(sessions, WORKER) as worker,
    ):
        own = Settings(state_dir=Path(folder), **settings)
        yield Stage(Troupe(firms), Backstage(worker, clock, own), clock)
