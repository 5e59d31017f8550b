"""The outbox relay on a real database: every event, in commit-safe order, marked only when sent."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import pairwise
from random import Random
from uuid import UUID

import pytest
from sqlalchemy import Engine, text
from sqlmodel import Session

from services.contracts.events.capacity import GapsRestored
from services.runtime import relay as relay_module
from services.runtime.bus import BusUnavailableError, OutgoingEvent
from services.runtime.db import Sessions, transaction
from services.runtime.outbox import emit, newest
from services.runtime.relay import PUBLISHED_KEPT, Relay, prune, relay_once, unpublished
from tests.support.clock import START, FrozenClock
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration


class Published:
    """A publisher that remembers, or refuses while told to."""

    def __init__(self) -> None:
        self.events: list[OutgoingEvent] = []
        self.refuses = False

    def __call__(self, events: Sequence[OutgoingEvent]) -> None:
        if self.refuses:
            raise BusUnavailableError("refused on purpose")
        self.events.extend(events)


@pytest.fixture
def published() -> Published:
    return Published()


def tell(session: Session, clock: FrozenClock) -> GapsRestored:
    event = GapsRestored(id=clock.new_id(), occurred_at=START, resource_id=clock.new_id())
    emit(session, event, now=START)
    return event


def test_publishes_what_was_committed_once(
    sessions: Sessions, clock: FrozenClock, published: Published
) -> None:
    with transaction(sessions) as session:
        event = tell(session, clock)
    assert relay_once(sessions, published, now=START) == 1
    assert relay_once(sessions, published, now=START) == 0
    (sent,) = published.events
    assert sent.event_id == event.id
    assert sent.subject == "events.capacity.gaps-restored.v1"
    assert GapsRestored.model_validate(sent.payload) == event


def test_tells_one_by_one_what_a_row_tells_together(
    sessions: Sessions, clock: FrozenClock, published: Published
) -> None:
    together = [
        GapsRestored(id=clock.new_id(), occurred_at=START, resource_id=clock.new_id())
        for _ in range(3)
    ]
    with transaction(sessions) as session:
        before = tell(session, clock)
        tell_together(session, together)
        after = tell(session, clock)
        stands = newest(session, [after.subject()])
    assert unpublished(sessions) == 5
    assert relay_once(sessions, published, now=START, batch_max=2) == 4, "never a part of a row"
    assert relay_once(sessions, published, now=START, batch_max=2) == 1
    assert unpublished(sessions) == 0
    told = [GapsRestored.model_validate(one.payload) for one in published.events]
    assert told == [before, *together, after]
    assert [one.event_id for one in published.events] == [one.id for one in told]
    positions = [one.position for one in published.events if one.position is not None]
    assert positions == sorted(positions)
    assert positions[-1] == stands
    assert positions[2] < positions[3], "whoever has heard two of three has not heard the row"


def tell_together(session: Session, events: Sequence[GapsRestored]) -> None:
    session.connection().execute(
        text(
            "INSERT INTO outbox_event (event_id, subject, events, event_count, created_at)"
            " VALUES (uuidv7(), :subject, :events, :count, :now)"
        ),
        {
            "subject": events[0].subject(),
            "events": b"[" + b",".join(one.model_dump_json().encode() for one in events) + b"]",
            "count": len(events),
            "now": START,
        },
    )


def test_never_publishes_what_was_rolled_back(
    sessions: Sessions, clock: FrozenClock, published: Published
) -> None:
    with sessions() as session:
        tell(session, clock)
        session.flush()
        session.rollback()
    assert relay_once(sessions, published, now=START) == 0


def test_marks_nothing_when_publishing_fails(
    sessions: Sessions, clock: FrozenClock, published: Published
) -> None:
    with transaction(sessions) as session:
        tell(session, clock)
    published.refuses = True
    with pytest.raises(BusUnavailableError):
        relay_once(sessions, published, now=START)
    assert unpublished(sessions) == 1
    published.refuses = False
    assert relay_once(sessions, published, now=START) == 1


def test_holds_back_events_younger_than_an_open_transaction(
    sessions: Sessions, clock: FrozenClock, published: Published
) -> None:
    with sessions() as slow:
        first = tell(slow, clock)
        slow.flush()
        with transaction(sessions) as quick:
            second = tell(quick, clock)
        assert relay_once(sessions, published, now=START) == 0
        slow.commit()
    relay_once(sessions, published, now=START)
    assert [event.event_id for event in published.events] == [first.id, second.id]


def test_leaves_publishing_to_the_relay_that_is_at_it(
    sessions: Sessions, clock: FrozenClock, published: Published
) -> None:
    with transaction(sessions) as session:
        tell(session, clock)

    def publish_while_another_tries(events: Sequence[OutgoingEvent]) -> None:
        assert relay_once(sessions, published, now=START) == 0
        published(events)

    assert relay_once(sessions, publish_while_another_tries, now=START) == 1
    assert len(published.events) == 1


def test_prunes_published_events_only_when_they_are_old(
    sessions: Sessions, clock: FrozenClock, published: Published
) -> None:
    with transaction(sessions) as session:
        tell(session, clock)
    relay_once(sessions, published, now=START)
    with transaction(sessions) as session:
        tell(session, clock)
    assert prune(sessions, now=START + PUBLISHED_KEPT) == 0
    assert prune(sessions, now=START + PUBLISHED_KEPT + timedelta(seconds=1)) == 1
    assert unpublished(sessions) == 1


def test_prunes_until_nothing_old_is_left(
    sessions: Sessions,
    clock: FrozenClock,
    published: Published,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(relay_module, "PRUNE_ROWS_MAX", 2)
    with transaction(sessions) as session:
        for _ in range(5):
            tell(session, clock)
    relay_once(sessions, published, now=START)
    assert prune(sessions, now=START + 2 * PUBLISHED_KEPT) == 5


def test_listens_again_after_its_connection_was_ended(
    database_url: str,
    sessions: Sessions,
    engine: Engine,
    clock: FrozenClock,
    published: Published,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(relay_module, "POLL_S", 600)  # so that only NOTIFY can wake it
    relay = Relay(sessions=sessions, database_url=database_url, publish=published, clock=clock)
    stop = threading.Event()
    running = threading.Thread(target=relay.run, args=(stop,))
    running.start()
    try:
        eventually(lambda: listening(engine), what="it listens")
        tell_and_await(sessions, clock, published)
        ended = listening(engine)
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": ended})
        eventually(lambda: relay.stuck_on is not None, what="the cause is named")
        assert str(relay.stuck_on).startswith("database: ")
        eventually(lambda: listening(engine, besides=ended), what="another connection listens")
        tell_and_await(sessions, clock, published)
        eventually(lambda: relay.stuck_on is None, what="all is well again")
    finally:
        stop.set()
        with transaction(sessions) as session:
            tell(session, clock)
        running.join(10)
    assert not running.is_alive()


def tell_and_await(sessions: Sessions, clock: FrozenClock, published: Published) -> None:
    with transaction(sessions) as session:
        event = tell(session, clock)
    eventually(lambda: event.id in {one.event_id for one in published.events}, what="published")


def listening(engine: Engine, *, besides: int = 0) -> int:
    """The backend of the relay's connection; 0 while there is none."""
    found = text(
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'nonagon-relay'"
        " AND query LIKE 'LISTEN%' AND state = 'idle'"
        " AND datname = current_database() AND pid <> :besides"
    )
    with engine.begin() as connection:
        return int(connection.scalar(found, {"besides": besides}) or 0)


def test_loses_and_disorders_nothing_under_eight_writers_with_long_transactions(
    database_url: str, sessions: Sessions, engine: Engine, published: Published
) -> None:
    stop, writers, each = threading.Event(), 8, 25
    stores = ThreadPoolExecutor(writers)
    relay = Relay(
        sessions=sessions, database_url=database_url, publish=published, clock=FrozenClock()
    )

    def write(writer: int) -> None:
        random = Random(writer)
        for n in range(each):
            with engine.connect() as connection, connection.begin():
                for part in range(2):
                    event_id = UUID(int=(writer * each + n) * 2 + part)
                    with Session(connection, join_transaction_mode="create_savepoint") as session:
                        event = GapsRestored(id=event_id, occurred_at=START, resource_id=event_id)
                        emit(session, event, now=START)
                        session.commit()
                    stop.wait(random.random() * 0.02)

    running = threading.Thread(target=relay.run, args=(stop,))
    running.start()
    try:
        with stores:
            list(stores.map(write, range(writers)))
        eventually(lambda: len(published.events) >= writers * each * 2, within=30)
    finally:
        stop.set()
        running.join()
    with engine.begin() as connection:
        rows = connection.execute(text("SELECT event_id, xid::text, seq FROM outbox_event")).all()
    place = {row.event_id: (int(row.xid), row.seq) for row in rows}
    told = [place[event.event_id] for event in published.events]
    assert len(told) == len(set(told)) == writers * each * 2
    assert all(one < other for one, other in pairwise(told))
