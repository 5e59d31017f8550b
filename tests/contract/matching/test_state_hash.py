"""The hash of a state: equal for equal states, different for whatever can change a ranking."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from services.capacity.domain import Certificate, Provenance
from services.contracts.telemetry import ResourceState
from services.matching.domain import Rate
from services.matching.engine.canonical import canonical_bytes, state_hash
from services.matching.engine.interface import Snapshot
from tests.contract.matching.market import (
    NOW_MINUTE,
    SHANGHAI,
    capability,
    gap,
    listing,
    market,
    resource,
)
from tests.support.clock import START as NOW

PLAIN = market(resource())
HELD = Certificate("cnas", "hardness", valid_to=date(2027, 1, 1))


def of_resource(**changes: Any) -> Snapshot:
    return market(resource(**changes))


def of_capability(**changes: Any) -> Snapshot:
    return of_resource(capabilities=(capability(**changes),))


def of_listing(**changes: Any) -> Snapshot:
    return market(resource(), listings=[listing(**changes)])


DIFFERENT = {
    "units": of_resource(units=2),
    "notice": of_resource(notice_minutes=1),
    "minimum": of_resource(minimum_minutes=31),
    "horizon": of_resource(horizon_minutes=1),
    "state": of_resource(state=ResourceState.DOWN),
    "idle is not unobserved": of_resource(state=ResourceState.IDLE),
    "provenance": of_resource(provenance=Provenance.MEASURED),
    "gap start": of_resource(gaps=(gap(1, 10_000),)),
    "gap end": of_resource(gaps=(gap(0, 9_999),)),
    "gap units": of_resource(gaps=(gap(0, 10_000, 2),)),
    "no gaps": of_resource(gaps=()),
    "process": of_capability(process="machining.turning"),
    "material": of_capability(materials=()),
    "envelope": of_capability(envelope_mm=(401, 300, 200)),
    "no envelope": of_capability(envelope_mm=None),
    "tolerance": of_capability(tolerance_um=21),
    "no tolerance": of_capability(tolerance_um=None),
    "certificate": of_capability(certificates=(HELD,)),
    "scope": of_capability(certificates=(replace(HELD, scope=""),)),
    "validity": of_capability(certificates=(replace(HELD, valid_to=None),)),
    "rate": of_listing(rate=Rate(per_hour_minor=10_001)),
    "setup": of_listing(rate=Rate(per_hour_minor=10_000, setup_minor=1)),
    "minimum price": of_listing(rate=Rate(per_hour_minor=10_000, minimum_minor=1)),
    "currency": of_listing(rate=Rate(per_hour_minor=10_000, currency="EUR")),
    "place": of_listing(place=SHANGHAI),
    "no place": of_listing(place=None),
    "another offer": of_listing(offer_id=listing(2).offer_id),
    "nothing listed": market(resource(), listings=[]),
}

SAME = {
    "age of the last sign": of_resource(seen_at=NOW - timedelta(seconds=3)),
    "empty gaps": of_resource(gaps=(gap(5, 5), gap(0, 10_000))),
    "a gap inside another": of_resource(gaps=(gap(5, 50), gap(0, 10_000))),
    "an envelope turned": of_capability(envelope_mm=(200, 400, 300)),
    "a resource nobody lists": market(resource(), resource(2), listings=[listing()]),
}


@pytest.mark.parametrize("what", DIFFERENT)
def test_what_can_change_a_ranking_changes_the_hash(what: str) -> None:
    assert state_hash(DIFFERENT[what]) != state_hash(PLAIN)


def test_no_two_different_states_share_a_hash() -> None:
    hashes = {state_hash(snapshot) for snapshot in DIFFERENT.values()}
    assert len(hashes) == len(DIFFERENT)


@pytest.mark.parametrize("what", SAME)
def test_what_cannot_change_a_ranking_keeps_the_hash(what: str) -> None:
    assert state_hash(SAME[what]) == state_hash(PLAIN)


def test_canonical_form_is_fixed() -> None:
    assert canonical_bytes(market(resource(gaps=(gap(0, 60),)))) == (
        b'{"listings":[["000000000000000000000000000003e9","000000000000000000000000000007d1",'
        b'["CNY",10000,0,0],[30.5928,114.3055],'
        b'["00000000000000000000000000000001","public"],["",""]]],'
        b'"resources":[["000000000000000000000000000007d1",1,[0,30,86400],"","declared",null,'
        b'[["machining.milling",["metal.steel"],[200,300,400],20,[]]],'
        b"[[%d,%d,1]]]]}" % (NOW_MINUTE, NOW_MINUTE + 60)
    )


def test_hash_is_sha_256_in_hexadecimal() -> None:
    assert len(state_hash(PLAIN)) == 64
    assert int(state_hash(PLAIN), 16) >= 0
