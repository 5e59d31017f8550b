"""The durable writer killed exactly where most is at stake, by name: nothing told is lost."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from services.booking.schemas.bookings import BookingOut
from services.booking.writing.asking import RemoteWriter
from services.booking.writing.kill_points import KillPoint
from services.booking.writing.messages import Asker as AskedBy
from services.booking.writing.messages import HoldAsked, HoldQuestion, Outcome, Repeatable
from services.contracts.ids import OfferId, OrganisationId, ResourceId
from services.matching.engine.interface import Viewer
from services.matching.service.port import MatcherUnavailableError
from services.matching.service.remote import RemoteMatcher
from services.runtime.clock import SystemClock
from services.runtime.db import Sessions, transaction
from services.runtime.embedded.nats import EmbeddedNats
from services.runtime.settings import child_environment
from tests.integration.booking.park import HOUR, open_park
from tests.support.matcher import Asker, DistinctClock, asking
from tests.support.waiting import eventually

pytestmark = [pytest.mark.faults, pytest.mark.integration]

ASKED_BY = AskedBy(actor_kind="platform")
READY_WITHIN_S = 90.0
ANSWER_WITHIN_S = 10.0
DIES_AT = 3
"""Batches until it dies: two are answered before."""


class Buyer:
    """Asks for hour after hour of one machine, each under a key."""

    def __init__(self, sessions: Sessions, asker: Asker) -> None:
        clock = DistinctClock(SystemClock().now())
        with transaction(sessions) as session:
            park = open_park(session, clock)
            machine = park.resource()
            self._offer_id: OfferId = park.offer(machine)
        self._id: OrganisationId = park.buyer
        self._machine_id: ResourceId = machine.id
        self._start: datetime = clock.now().replace(minute=0, second=0, microsecond=0) + 2 * HOUR
        self._asker = asker

    def slot(self, hour: int, key: str) -> HoldAsked:
        start = self._start + hour * HOUR
        digest = sha256(str(start).encode()).digest()
        once = Repeatable(key, digest)
        return HoldAsked(self._machine_id, self._offer_id, start, 60, once=once)

    def ask(self, *slots: HoldAsked) -> list[Outcome]:
        """Raises ``MatcherUnavailableError``: nobody answered."""
        patient = RemoteMatcher(
            lambda subjects, data, _: self._asker.ask_all(subjects, data, ANSWER_WITHIN_S), shards=1
        )
        writer = RemoteWriter(patient)
        return writer.hold(HoldQuestion(self._id, Viewer(), ASKED_BY, slots))

    def try_to(self, *slots: HoldAsked) -> list[Outcome]:
        """The answer, or nothing."""
        try:
            return self.ask(*slots)
        except MatcherUnavailableError:
            return []


@pytest.fixture
def asker(nats_server: EmbeddedNats) -> Iterator[Asker]:
    with asking(nats_server.nats_url) as asker:
        yield asker


def rows(sessions: Sessions, statement: str) -> list[Any]:
    with transaction(sessions) as session:
        return list(session.connection().execute(text(statement)).all())


@pytest.mark.parametrize("point", KillPoint)
def test_killed_there_it_loses_nothing_it_told_and_books_nothing_twice(
    point: KillPoint,
    sessions: Sessions,
    database_url: str,
    nats_server: EmbeddedNats,
    asker: Asker,
    tmp_path: Path,
) -> None:
    buyer = Buyer(sessions, asker)
    environment = child_environment(database_url=database_url, nats_url=nats_server.nats_url)
    with ExitStack() as running:

        def start(*argv: str) -> subprocess.Popen[bytes]:
            with (tmp_path / "log").open("ab") as log:
                process = subprocess.Popen(
                    [sys.executable, "-m", *argv], env=environment, stdout=log, stderr=log
                )
            running.callback(process.wait)
            running.callback(process.kill)
            return process

        doomed = start("tests.support.doomed_matcher", point.value, str(DIES_AT))
        first = buyer.slot(0, "key 0")
        eventually(lambda: buyer.try_to(first), within=READY_WITHIN_S, what="it writes")
        told = buyer.ask(first, buyer.slot(1, "key 1"))
        told_ids = {BookingOut.model_validate_json(one.body or b"").id for one in told}
        batch = [buyer.slot(hour, f"key {hour}") for hour in (2, 3, 4)]
        assert buyer.try_to(*batch) == [], "it died before it answered"
        doomed.wait(10)
        standing: set[UUID] = {row.id for row in rows(sessions, "SELECT id FROM booking")}
        assert told_ids <= standing
        assert len(standing) == (2 if point is KillPoint.BEFORE_COMMIT else 5)

        start("gateway.matcher")
        again = eventually(lambda: buyer.try_to(*batch), within=READY_WITHIN_S, what="the next")
        repeated = buyer.ask(first, buyer.slot(1, "key 1"), *batch)
        assert [one.body for one in repeated] == [one.body for one in (*told, *again)]
        answered = {BookingOut.model_validate_json(one.body or b"").id for one in repeated}
        assert standing <= answered
        assert answered == {row.id for row in rows(sessions, "SELECT id FROM booking")}
        assert len(rows(sessions, "SELECT DISTINCT during FROM reservation")) == len(answered)
        assert len(rows(sessions, "SELECT key FROM idempotency_key")) == len(answered)
        ((told_of,),) = rows(
            sessions,
            "SELECT sum(event_count) FROM outbox_event WHERE subject LIKE '%booking-changed%'",
        )
        assert told_of == len(answered), "each is told of once"
