"""How reliable a machine was, added up from its timeline."""

from datetime import timedelta

import pytest
from sqlmodel import Session

from services.capacity import handlers
from services.capacity.domain import ReportedObservation
from services.contracts.ids import ResourceId
from tests.integration.capacity.park import Park, reported, told
from tests.support.clock import START, FrozenClock

DAY = timedelta(days=1)

pytestmark = pytest.mark.integration


def record(session: Session, clock: FrozenClock, row: ReportedObservation) -> None:
    handlers.record_observations(session=session, clock=clock, rows=[row])


def tell(session: Session, clock: FrozenClock) -> int:
    return handlers.tell_reliability(session=session, clock=clock)


def known(session: Session, resource_id: ResourceId) -> int | None:
    return handlers.live_states(session=session)[resource_id].reliability


def news(session: Session) -> list[object]:
    return [event["resource_id"] for name, event in told(session) if name == "resource-changed"]


def test_failures_of_whole_days_count_against_it(
    session: Session, clock: FrozenClock, park: Park, mill: ResourceId
) -> None:
    begin = START.replace(hour=0) + DAY
    story = ("executing", "down", "idle", "maintenance", "off", "setup", "down")
    for number, state in enumerate(story):
        at = begin + number * timedelta(hours=6)
        clock.advance(at - clock.now())
        record(session, clock, reported(park, mill, 1 + number, state, at=at))
    before = len(news(session))
    clock.advance(begin + 2 * DAY - clock.now())

    assert tell(session, clock) == 1

    # Able: 6 h executing, 6 h idle, 6 h setup; down: 6 h, then 12 h until the day is over.
    assert known(session, mill) == 500
    assert news(session)[before:] == [str(mill)]


def test_is_told_once_a_day_and_is_news_when_it_changes(
    session: Session, clock: FrozenClock, park: Park, mill: ResourceId
) -> None:
    record(session, clock, reported(park, mill, 1, "idle", at=START))
    assert (tell(session, clock), known(session, mill)) == (1, None)
    assert tell(session, clock) == 0
    clock.advance(2 * DAY)
    before = len(news(session))
    assert (tell(session, clock), known(session, mill)) == (1, 1_000)
    clock.advance(DAY)
    assert (tell(session, clock), known(session, mill)) == (1, 1_000)
    assert tell(session, clock) == 0
    assert len(news(session)) == before + 1


def test_a_report_leaves_it_alone(
    session: Session, clock: FrozenClock, park: Park, mill: ResourceId
) -> None:
    record(session, clock, reported(park, mill, 1, "idle", at=START))
    clock.advance(3 * DAY)
    tell(session, clock)

    record(session, clock, reported(park, mill, 2, "down", at=clock.now()))

    assert known(session, mill) == 1_000


def test_what_failed_long_ago_is_forgotten(
    session: Session, clock: FrozenClock, park: Park, mill: ResourceId
) -> None:
    record(session, clock, reported(park, mill, 1, "down", at=START))
    clock.advance(DAY)
    record(session, clock, reported(park, mill, 2, "idle", at=clock.now()))
    clock.advance(3 * DAY)
    tell(session, clock)
    assert known(session, mill) not in (None, 1_000)
    clock.advance(30 * DAY)

    tell(session, clock)

    assert known(session, mill) == 1_000
