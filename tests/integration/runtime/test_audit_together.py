"""Entries of several chains are written in two statements and are what single ones would be."""

import pytest

from services.contracts.ids import OrganisationId
from services.runtime.audit import handlers, store
from services.runtime.audit.anchors import Anchors
from services.runtime.audit.entry import PLATFORM, Fact, chain_of
from services.runtime.db import Sessions, transaction
from tests.support.clock import START, FrozenClock

pytestmark = pytest.mark.integration


def fact(clock: FrozenClock, action: str) -> Fact:
    return Fact(
        id=clock.new_id(), at=START, actor_kind="platform", actor_id=None, credential_id=None,
        action=action, path_ids={"of": "甲"}, subject_kind=None, subject_id=None, before=None,
        after={"bookings": [1, 2]}, request_id="r",
    )  # fmt: skip


def test_chains_stay_whole_whoever_writes_to_them(sessions: Sessions, clock: FrozenClock) -> None:
    first, second = (chain_of(OrganisationId(clock.new_id())) for _ in range(2))
    with transaction(sessions) as session:
        store.append(session, first, [fact(clock, "alone")])
    with transaction(sessions) as session:
        store.append_all(
            session,
            {
                second: [fact(clock, "new")],
                first: [fact(clock, "second"), fact(clock, "third")],
                PLATFORM: [fact(clock, "platform")],
            },
        )
        store.append_all(session, {})
    with transaction(sessions) as session:
        store.append(session, first, [fact(clock, "fourth")])
    with handlers.reading(sessions) as session:
        told = [(one.chain, one.seq, one.fact.action) for one in store.every_entry(session)]
    assert sorted(told) == sorted(
        [
            (first, 1, "alone"), (first, 2, "second"), (first, 3, "third"), (first, 4, "fourth"),
            (second, 1, "new"),
            (PLATFORM, 1, "platform"),
        ]
    )  # fmt: skip
    with handlers.reading(sessions) as session:
        assert handlers.verify(session=session, anchors=Anchors()).is_sound
