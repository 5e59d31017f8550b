"""What every matcher answers: the one that reads the record, and those asked over the bus."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.contracts.intervals import Interval
from services.matching import handlers
from services.matching.domain import MatchResult, Requirement
from services.matching.engine.interface import Viewer
from services.matching.service.batches import BatchMatcher, FindQuestion
from services.matching.service.port import Matcher, MatchQuestion
from services.matching.service.record import RecordMatcher
from services.runtime.clock import SystemClock
from services.runtime.db import Sessions, transaction
from services.runtime.embedded.nats import EmbeddedNats
from tests.contract.matcher.shared_market import SEEN, SharedMarket, open_market
from tests.contract.matching.market import Draw
from tests.integration.booking.park import HOUR, MILLING, STALE
from tests.support.matcher import Asker, DistinctClock, asking, matcher_running
from tests.support.working import sessions_as

pytestmark = pytest.mark.integration

SHARDS = 3


@pytest.fixture
def clock() -> DistinctClock:
    """Today, since the database reads its own clock to see whether an agreement holds."""
    return DistinctClock(SystemClock().now().replace(microsecond=0))


@pytest.fixture
def market(sessions: Sessions, clock: DistinctClock) -> SharedMarket:
    return open_market(sessions, clock)


@pytest.fixture
def asker(nats_server: EmbeddedNats) -> Iterator[Asker]:
    with asking(nats_server.nats_url) as asker:
        yield asker


@pytest.fixture
def start(sessions: Sessions, clock: DistinctClock, nats_server: EmbeddedNats) -> Iterator["Start"]:
    with ExitStack() as running:
        yield Start(running, sessions, clock, nats_server.nats_url)


class Start:
    """Starts matchers that end with the test."""

    def __init__(
        self, running: ExitStack, sessions: Sessions, clock: DistinctClock, nats_url: str
    ) -> None:
        self._running = running
        self._facts = (sessions, clock, nats_url)

    def shards(self, count: int) -> None:
        for number in range(1, count + 1):
            self._running.enter_context(matcher_running(*self._facts, f"{number}/{count}"))


def needed(clock: DistinctClock, **changes: object) -> Requirement:
    plain = Requirement(
        processes=frozenset({MILLING}),
        minutes=120,
        window=Interval(clock.now(), clock.now() + 72 * HOUR),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("shards", [0, 1, SHARDS], ids=["record", "bus", "shards"])
def test_each_sees_what_it_may_and_nothing_else(
    sessions: Sessions,
    clock: DistinctClock,
    market: SharedMarket,
    asker: Asker,
    start: Start,
    shards: int,
) -> None:
    start.shards(shards)
    remote = asker.remote(shards) if shards else None
    visible = {offer_id: visibility for visibility, offer_id in market.offers.items()}
    with sessions_as(sessions) as serving:
        for name, expected in SEEN.items():
            principal = market.principals[name]
            with transaction(serving, principal) as session:
                result = handlers.match_requirement(
                    session=session,
                    clock=clock,
                    requirement=needed(clock),
                    limit=10,
                    stale_after=STALE,
                    viewer=principal.organisation_id,
                    matcher=remote,
                )
                viewer = handlers.viewer_of(
                    session=session, organisation_id=principal.organisation_id
                )
            found = {visible[one.offer_id] for one in result.candidates}
            assert (name, found, result.considered) == (name, expected, len(expected))
            if remote is not None:
                asked = FindQuestion((needed(clock),) * 3, 10, clock.now(), viewer)
                batch = BatchMatcher(remote).find(asked)
                for slots in batch.slots():
                    assert {visible[one.offer_id] for one in slots} == expected


def varied(sessions: Sessions, market: SharedMarket) -> None:
    """Two dozen resources as a random market has them, in every region."""
    drawn = Draw(7)
    with transaction(sessions) as session:
        for number in range(24):
            resource = market.resource(
                session,
                region=number,
                units=drawn.one(1, 2, 3),
                capability=drawn.capability(),
                minimum_hours=drawn.one(0.5, 2),
                notice_minutes=drawn.one(0, 90),
            )
            rate = replace(drawn.rate(), currency=drawn.one("CNY", "CNY", "EUR"))
            market.offer(session, resource, rate)


def test_answers_are_the_same_whoever_gives_them(
    sessions: Sessions, clock: DistinctClock, market: SharedMarket, asker: Asker, start: Start
) -> None:
    varied(sessions, market)
    start.shards(1)
    start.shards(SHARDS)
    viewer = Viewer(organisation_id=market.owner)
    remotes: list[Matcher] = [asker.remote(1), asker.remote(SHARDS)]
    batches = [BatchMatcher(asker.remote(1)), BatchMatcher(asker.remote(SHARDS))]

    @settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(seed=st.integers(0, 2**32 - 1), limit=st.integers(1, 8))
    def same(seed: int, limit: int) -> None:
        asked = Draw(seed).requirement()
        window = Interval(clock.now(), clock.now() + 40 * HOUR)
        asked = replace(asked, window=window, minutes=asked.minutes * 10)
        question = MatchQuestion(asked, limit, clock.now(), viewer)
        with transaction(sessions) as session:
            record = RecordMatcher(session=session, clock=clock, stale_after=STALE)
            expected = plain(record.match(question))
        for remote in remotes:
            assert plain(remote.match(question)) == expected
        for batch in batches:
            (slots,) = batch.find(FindQuestion((asked,), limit, clock.now(), viewer)).slots()
            assert [
                (one.offer_id, one.resource_id, one.price_minor, one.start) for one in slots
            ] == [
                (one.offer_id, one.resource_id, one.price.minor, one.start)
                for one in expected.candidates
            ]

    same()


def plain(result: MatchResult) -> MatchResult:
    return replace(result, state_hash="")
