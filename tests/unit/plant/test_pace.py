"""A machine's time, which freezes with it."""

import asyncio
from datetime import timedelta

from gateway.plant.clock import SystemClock
from gateway.plant.pace import FreezeCause, Pace
from tests.support.clock import START, FrozenClock


def started(clock: FrozenClock) -> Pace:
    pace = Pace(clock)
    pace.thaw(FreezeCause.NOT_STARTED)
    return pace


async def test_time_begins_when_it_is_started() -> None:
    clock = FrozenClock()
    pace = Pace(clock)
    clock.advance(timedelta(minutes=5))
    pace.thaw(FreezeCause.NOT_STARTED)
    assert pace.due(60) == START + timedelta(minutes=6)


async def test_what_is_due_moves_by_as_long_as_the_machine_stood() -> None:
    clock = FrozenClock()
    pace = started(clock)
    clock.advance(timedelta(seconds=10))
    pace.freeze(FreezeCause.FAULT)
    clock.advance(timedelta(seconds=30))
    assert pace.due(60) == START + timedelta(seconds=90)
    pace.thaw(FreezeCause.FAULT)
    clock.advance(timedelta(seconds=1))
    assert pace.due(60) == START + timedelta(seconds=90)


async def test_stands_still_until_no_cause_is_left() -> None:
    pace = started(FrozenClock())
    pace.freeze(FreezeCause.FAULT)
    pace.freeze(FreezeCause.HOLD)
    pace.thaw(FreezeCause.FAULT)
    assert pace.frozen
    pace.thaw(FreezeCause.HOLD)
    assert not pace.frozen


async def test_freezing_twice_for_one_cause_is_freezing_once() -> None:
    clock = FrozenClock()
    pace = started(clock)
    pace.freeze(FreezeCause.HOLD)
    clock.advance(timedelta(seconds=5))
    pace.freeze(FreezeCause.HOLD)
    pace.thaw(FreezeCause.HOLD)
    pace.thaw(FreezeCause.HOLD)
    assert pace.due(0) == START + timedelta(seconds=5)


async def test_nothing_is_reached_while_frozen() -> None:
    pace = Pace(SystemClock())
    pace.thaw(FreezeCause.NOT_STARTED)
    waiting = asyncio.create_task(pace.reach(0.05))
    await asyncio.sleep(0)
    pace.freeze(FreezeCause.HOLD)
    await asyncio.sleep(0.15)
    assert not waiting.done()
    pace.thaw(FreezeCause.HOLD)
    assert await asyncio.wait_for(waiting, 5) == pace.due(0.05)
