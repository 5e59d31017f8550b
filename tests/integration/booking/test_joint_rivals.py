"""Many buyers at once for chains over the same machines: whole or nothing, and no circle."""

import random
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text
from sqlmodel import Session

from services.booking import handlers
from services.booking.domain import Joint, LegAsked
from services.capacity.domain import Resource
from services.contracts.errors import DomainError
from services.contracts.ids import JointId, OfferId, OrganisationId
from services.runtime import db
from services.runtime.clock import SystemClock
from services.runtime.db import Sessions, engine_for, sessions_for, transaction
from tests.integration.booking.park import HOUR, STALE, TTL, committed, count, hold
from tests.support.waiting import eventually

RIVALS = 16
ROUNDS = 6
MACHINES = 5
LEGS = 4
OVERLAPS = """
SELECT count(*) FROM reservation a JOIN reservation b
    ON a.resource_id = b.resource_id AND a.unit = b.unit
   AND a.booking_id < b.booking_id AND a.during && b.during
"""
TORN = """
SELECT joint.id FROM joint JOIN booking ON booking.joint_id = joint.id
 GROUP BY joint.id, joint.legs
HAVING count(*) <> joint.legs OR count(DISTINCT booking.state) > 1
    OR count(DISTINCT booking.hold_until) > 1
"""
LOOSE = """
SELECT count(*) FROM booking LEFT JOIN reservation ON reservation.booking_id = booking.id
 WHERE (reservation.booking_id IS NULL) = (booking.state IN ('held', 'confirmed'))
"""


class Contest:
    """Machines, and as many connections as rivals."""

    def __init__(self, sessions: Sessions) -> None:
        self.sessions = sessions
        self.clock = SystemClock()
        self.start = self.clock.now().replace(second=0, microsecond=0) + 2 * HOUR
        self.buyer: OrganisationId
        self.machines: Sequence[tuple[Resource, OfferId]]

    def open(self) -> None:
        with committed(self.sessions, self.clock) as park:
            made = [park.resource() for _ in range(MACHINES)]
            self.machines = [(one, park.offer(one)) for one in made]
            self.buyer = park.buyer

    def chain(self, luck: random.Random) -> list[LegAsked]:
        """Some machines in any order, in any of a few slots that overlap one another's."""
        return [
            LegAsked(resource.id, offer_id, self.start + luck.randrange(3) * HOUR / 2, 60, 1)
            for resource, offer_id in luck.sample(self.machines, LEGS)
        ]

    def hold(self, luck: random.Random) -> Joint:
        return self.hold_chain(self.chain(luck))

    def hold_chain(self, legs: list[LegAsked], *, patience: str = "1s") -> Joint:
        """``patience``: how long it waits before it looks whether it does so in a circle."""
        with transaction(self.sessions) as session:
            _be_patient(session, patience)
            return handlers.hold_jointly(
                session=session,
                clock=self.clock,
                organisation_id=self.buyer,
                legs=legs,
                demand_id=None,
                hold_ttl=TTL,
                stale_after=STALE,
            )

    def is_waiting(self) -> bool:
        """Whether a connection of the contest waits for another's lock."""
        with transaction(self.sessions) as session:
            waiting = session.connection().execute(
                text(
                    "SELECT count(*) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND wait_event_type = 'Lock'"
                )
            )
            return bool(waiting.scalar_one())

    def hold_one(self, luck: random.Random) -> None:
        resource, offer_id = luck.choice(self.machines)
        with transaction(self.sessions) as session:
            hold(session, self.clock, self.buyer, resource, offer_id, start=self.start)

    def end(self, joint_id: JointId, luck: random.Random) -> None:
        use_case = luck.choice([handlers.confirm_joint, handlers.cancel_joint])
        with transaction(self.sessions) as session:
            use_case(
                session=session,
                clock=self.clock,
                organisation_id=self.buyer,
                joint_id=joint_id,
            )


def _be_patient(session: Session, patience: str) -> None:
    setting = text("SELECT set_config('deadlock_timeout', :patience, true)")
    session.connection().execute(setting, {"patience": patience})


@pytest.fixture
def contest(database_url: str) -> Iterator[Contest]:
    engine = engine_for(database_url, pool_max=RIVALS, application="joint-rivals")
    yield Contest(sessions_for(engine))
    engine.dispose()


def test_chains_over_the_same_machines_are_held_whole_or_not_at_all(
    contest: Contest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anything but an expected refusal ends the test: a deadlock above all."""
    monkeypatch.setattr(db, "DEADLOCK_TRIES", 1)
    contest.open()
    together = threading.Barrier(RIVALS)

    def compete_or_end(number: int) -> tuple[int, int]:
        try:
            return compete(number)
        except BaseException:
            together.abort()
            raise

    def compete(number: int) -> tuple[int, int]:
        luck = random.Random(number)
        held = refused = 0
        for _ in range(ROUNDS):
            together.wait()
            try:
                if number % 4 == 0:
                    contest.hold_one(luck)
                else:
                    joint = contest.hold(luck)
                    held += 1
                    contest.end(joint.id, luck)
            except DomainError:
                refused += 1
        return held, refused

    with ThreadPoolExecutor(RIVALS) as pool:
        outcomes = list(pool.map(compete_or_end, range(RIVALS)))

    assert sum(held for held, _ in outcomes) >= 1
    assert sum(refused for _, refused in outcomes) >= 1
    with transaction(contest.sessions) as session:
        connection = session.connection()
        assert connection.execute(text(OVERLAPS)).scalar_one() == 0
        assert connection.execute(text(TORN)).all() == []
        assert connection.execute(text(LOOSE)).scalar_one() == 0


def test_who_is_met_in_a_circle_is_tried_again(contest: Contest) -> None:
    """Somebody takes the last machine, then wants the first, which a chain has meanwhile."""
    contest.open()
    ordered = sorted(contest.machines, key=lambda one: one[0].id)
    first, last = ordered[0], ordered[-1]
    chain = [
        LegAsked(resource.id, offer_id, contest.start, 60, 1) for resource, offer_id in ordered
    ]
    with ThreadPoolExecutor(1) as other:
        with transaction(contest.sessions) as session:
            buyer, clock, start = contest.buyer, contest.clock, contest.start
            _be_patient(session, "60s")
            hold(session, clock, buyer, *last, start=start)
            chained = other.submit(contest.hold_chain, chain, patience="2s")
            eventually(contest.is_waiting, what="the chain waits for the last machine")
            hold(session, clock, buyer, *first, start=start)
        with pytest.raises(handlers.LegTakenError):
            chained.result(timeout=30)
    with transaction(contest.sessions) as session:
        assert (count(session, "joint"), count(session, "booking")) == (0, 2)
