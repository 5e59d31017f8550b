"""Two matchers of one shard: who answers when the owner stops, wakes up, or dies."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from services.contracts.intervals import Interval
from services.matching.domain import Requirement
from services.matching.engine.interface import Viewer
from services.matching.service.batches import BatchMatcher, FindQuestion
from services.matching.service.port import MatcherUnavailableError
from services.matching.service.remote import RemoteMatcher
from services.runtime.clock import SystemClock
from services.runtime.db import Sessions, transaction
from services.runtime.embedded.nats import EmbeddedNats
from services.runtime.settings import child_environment
from tests.integration.booking.park import HOUR, MILLING, open_park
from tests.support.matcher import Asker, DistinctClock, asking
from tests.support.waiting import eventually

pytestmark = [pytest.mark.faults, pytest.mark.integration]

READY_WITHIN_S = 60.0
RESUMED_WITHIN_S = 10.0
ROUNDS = 40


class MatcherProcess:
    """``python -m gateway.matcher`` beside its log."""

    def __init__(self, database_url: str, nats_url: str, log: Path) -> None:
        self._log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "gateway.matcher"],
                env=child_environment(database_url=database_url, nats_url=nats_url),
                stdout=output,
                stderr=output,
            )

    def has_said(self, text: str) -> bool:
        assert self._process.poll() is None, self._log.read_text()
        return text in self._log.read_text()

    def tell(self, number: signal.Signals) -> None:
        os.kill(self._process.pid, number)

    def end(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture
def asker(nats_server: EmbeddedNats) -> Iterator[Asker]:
    with asking(nats_server.nats_url) as asker:
        yield asker


def test_a_standby_takes_over_and_whoever_lost_the_shard_is_not_believed(
    sessions: Sessions,
    database_url: str,
    nats_server: EmbeddedNats,
    asker: Asker,
    tmp_path: Path,
) -> None:
    clock = DistinctClock(SystemClock().now())
    with transaction(sessions) as session:
        park = open_park(session, clock)
        offer_id = park.offer(park.resource())
    asked = Requirement(
        processes=frozenset({MILLING}),
        minutes=60,
        window=Interval(clock.now(), clock.now() + 48 * HOUR),
    )
    question = FindQuestion((asked,), 3, clock.now(), Viewer())
    remote = asker.remote()
    batches = BatchMatcher(remote)
    with ExitStack() as running:

        def start(name: str) -> MatcherProcess:
            log = tmp_path / f"{name}.log"
            matcher = MatcherProcess(database_url, nats_server.nats_url, log)
            running.callback(matcher.end)
            return matcher

        def answered() -> bool:
            try:
                (slots,) = batches.find(question).slots()
            except MatcherUnavailableError:
                return False
            assert [one.offer_id for one in slots] == [offer_id]
            return True

        first = start("first")
        eventually(answered, within=READY_WITHIN_S, what="the first answers")
        owned = epoch_of(remote)
        second = start("second")
        eventually(lambda: second.has_said("market read"), within=READY_WITHIN_S, what="standby")

        first.tell(signal.SIGSTOP)
        eventually(lambda: second.has_said("answers for its shard"), within=RESUMED_WITHIN_S)
        eventually(answered, within=RESUMED_WITHIN_S, what="the standby answers")
        taken = epoch_of(remote)
        assert taken > owned

        first.tell(signal.SIGCONT)
        for _ in range(ROUNDS):
            assert answered()
            assert epoch_of(remote) == taken
        eventually(lambda: first.has_said("lease lost"), what="the first knows")

        second.tell(signal.SIGKILL)
        eventually(answered, within=RESUMED_WITHIN_S, what="the first answers again")
        assert epoch_of(remote) > taken


def epoch_of(remote: RemoteMatcher) -> int:
    """The epoch of the newest answer."""
    return remote.epochs[0]
