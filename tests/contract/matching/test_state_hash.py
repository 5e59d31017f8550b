"""The hash of a state: equal for equal states, different for whatever can change an answer."""

import hashlib
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from services.capacity.domain import Certificate, Provenance, Visibility
from services.contracts.telemetry import ResourceState
from services.matching.domain import Rate
from services.matching.engine.canonical import (
    listing_bytes,
    resource_bytes,
    state_hash,
)
from services.matching.engine.interface import Snapshot
from tests.contract.matching.market import (
    FIRMS,
    NOW_MINUTE,
    PARKS,
    SHANGHAI,
    SPACES,
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
    "set-up": of_resource(setup_minutes=1),
    "lot": of_resource(minimum_quantity=2),
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
    "another owner": of_listing(organisation_id=FIRMS[1]),
    "visibility": of_listing(visibility=Visibility.PARK),
    "park": of_listing(park=PARKS[0]),
    "space": of_listing(space_id=SPACES[0]),
    "reliability": of_resource(reliability=0),
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
def test_what_can_change_an_answer_changes_the_hash(what: str) -> None:
    assert state_hash(DIFFERENT[what]) != state_hash(PLAIN)


def test_no_two_different_states_share_a_hash() -> None:
    hashes = {state_hash(snapshot) for snapshot in DIFFERENT.values()}
    assert len(hashes) == len(DIFFERENT)


@pytest.mark.parametrize("what", SAME)
def test_what_cannot_change_an_answer_keeps_the_hash(what: str) -> None:
    assert state_hash(SAME[what]) == state_hash(PLAIN)


def test_canonical_forms_are_fixed() -> None:
    assert listing_bytes(listing()) == (
        b'["listing",["000000000000000000000000000003e9","000000000000000000000000000007d1",'
        b'["CNY",10000,0,0],[30.5928,114.3055],'
        b'["00000000000000000000000000000001","public"],["",""]]]'
    )
    assert resource_bytes(resource(gaps=(gap(0, 60),))) == (
        b'["resource",["000000000000000000000000000007d1",1,[0,30,86400,0,1],"","declared",null,'
        b'[["machining.milling",["metal.steel"],[200,300,400],20,[]]],'
        b"[[%d,%d,1]]]]" % (NOW_MINUTE, NOW_MINUTE + 60)
    )


def test_hash_is_the_sum_of_sha_256_modulo_its_range() -> None:
    parts = (listing_bytes(listing()), resource_bytes(resource()))
    total = sum(int(hashlib.sha256(part).hexdigest(), 16) for part in parts)
    assert state_hash(PLAIN) == format(total % 2**256, "064x")
