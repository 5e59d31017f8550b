"""Things of production: service contracts, work orders, sessions, products, samples, handovers."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from psycopg.types.range import TimestamptzRange

from tests.access.making import deleted
from tests.access.markers import Owner, Shown, amount, marker
from tests.access.rows import START
from tests.access.world import PROCESS, Thing, World

_PAIRS: Final = (
    (Owner.OWN, Owner.NEIGHBOUR),
    (Owner.NEIGHBOUR, Owner.OWN),
    (Owner.NEIGHBOUR, Owner.STRANGER),
)
_SOON: Final = START + timedelta(days=30)
_ANSWERED: Final[dict[str, Any]] = {"accepted_at": START, "worked_minutes": 60}
_ORDERS: Final[dict[str, dict[str, Any]]] = {
    "open": {},
    "accepted": _ANSWERED,
    "reported": _ANSWERED,
    "closed": _ANSWERED
    | {"closed_at": START, "fee_minor": 0, "fee_currency": "CNY", "fee_lines": []},
}
"""Work orders as what is done to them finds them; a closed one owes nothing more."""
SPECIFICATION: Final[dict[str, Any]] = {
    "title": "Probe",
    "title_zh": "探针",
    "options": [],
    "constraints": [],
    "steps": [{"process": PROCESS, "name": "Step", "name_zh": "工序", "minutes": [{"amount": 60}]}],
    "price": {"unit": "piece", "price_minor": 100},
}


def contracts(world: World) -> Iterator[Thing]:
    for owner, provider in _PAIRS:
        for state in ("proposed", "active"):
            made = _contract(world, owner, provider, state)
            yield _between(f"{owner} served by {provider}, {state}", owner, provider,
                           contract_id=made)  # fmt: skip
    gone = _contract(world, Owner.OWN, Owner.NEIGHBOUR, "proposed")
    world.rows.delete("service_contract_resource", contract_id=gone)
    world.rows.delete("service_contract", id=gone)
    yield deleted({"contract_id": str(gone)})


def work_orders(world: World) -> Iterator[Thing]:
    for owner, provider in _PAIRS:
        for state in _ORDERS:
            made = _order(world, owner, provider, state)
            name = f"{provider} works for {owner}, {state}"
            yield _between(name, owner, provider, work_order_id=made)
    gone = _order(world, Owner.OWN, Owner.NEIGHBOUR, "open")
    world.rows.delete("service_fact", order_id=gone)
    world.rows.delete("work_order_finding", order_id=gone)
    world.rows.delete("work_order", id=gone)
    yield deleted({"work_order_id": str(gone)})


def sessions(world: World) -> Iterator[Thing]:
    for owner, provider in _PAIRS:
        for state in ("requested", "granted"):
            made = _session(world, owner, provider, state)
            name = f"{provider} looks at {owner}, {state}"
            yield _between(name, owner, provider, remote_session_id=made)
    gone = _session(world, Owner.OWN, Owner.NEIGHBOUR, "requested")
    world.rows.delete("remote_session_entry", session_id=gone)
    world.rows.delete("remote_session", id=gone)
    yield deleted({"remote_session_id": str(gone)})


def products(world: World) -> Iterator[Thing]:
    for owner in Owner:
        for shown in (Shown.ORGANISATION, Shown.PRIVATE, Shown.PUBLIC):
            made = _product(world, owner, shown)
            yield Thing(f"{owner} {shown}", owner, shown, {"product_id": str(made)})
    gone = _product(world, Owner.OWN, Shown.ORGANISATION)
    world.rows.delete("product_version", product_id=gone)
    world.rows.delete("product", id=gone)
    yield deleted({"product_id": str(gone)})


def product_orders(world: World) -> Iterator[Thing]:
    for buyer, maker in _PAIRS:
        for state in ("held", "confirmed"):
            made = _product_order(world, buyer, maker, state)
            name = f"{buyer} orders of {maker}, {state}"
            yield _between(name, buyer, maker, product_order_id=made)
    gone = _product_order(world, Owner.OWN, Owner.NEIGHBOUR, "held")
    world.rows.delete("product_milestone", order_id=gone)
    world.rows.delete("product_order", id=gone)
    yield deleted({"product_order_id": str(gone)})


def samples(world: World) -> Iterator[Thing]:
    """Also a firm booking of a test, for which the callers may register one."""
    world.test_booking = _test_booking(world, Owner.OWN, Owner.NEIGHBOUR)
    for buyer, laboratory in _PAIRS:
        for state in ("registered", "received", "in_test", "reported"):
            made = _sample(world, buyer, laboratory, state)
            yield _between(f"{laboratory} tests for {buyer}, {state}", buyer, laboratory,
                           sample_id=made)  # fmt: skip
    gone = _sample(world, Owner.OWN, Owner.NEIGHBOUR, "registered")
    world.rows.delete("sample_step", sample_id=gone)
    world.rows.delete("sample", id=gone)
    yield deleted({"sample_id": str(gone)})


def handovers(world: World) -> Iterator[Thing]:
    for buyer, carrier in _PAIRS:
        made = _handover(world, buyer, carrier)
        yield _between(f"{carrier} carries for {buyer}", buyer, carrier, handover_id=made)
    gone = _handover(world, Owner.OWN, Owner.NEIGHBOUR)
    world.rows.delete("handover", id=gone)
    yield deleted({"handover_id": str(gone)})


def _between(name: str, taker: Owner, giver: Owner, **path: UUID) -> Thing:
    """Of who is served, ``taker``, and who serves."""
    return Thing(
        name, taker, Shown.ORGANISATION, {key: str(value) for key, value in path.items()},
        parties=frozenset({taker, giver}), taker=taker, giver=giver,
    )  # fmt: skip


def _secret_of(one: Owner, other: Owner) -> Owner:
    return Owner.OWN if Owner.OWN in {one, other} else Owner.STRANGER


def _machine(world: World, owner: Owner) -> UUID:
    """One its provider may learn the id of; the callers' own is none that others see."""
    return world.resources[owner, Shown.ORGANISATION if owner is Owner.OWN else Shown.PUBLIC]


def _whose(world: World, owner: Owner, provider: Owner) -> dict[str, Any]:
    return {
        "organisation_id": world.organisations[owner],
        "provider_id": world.organisations[provider],
    }


def _contract(world: World, owner: Owner, provider: Owner, state: str) -> UUID:
    secret, whose = _secret_of(owner, provider), _whose(world, owner, provider)
    made: UUID = world.add(
        "service_contract",
        secret,
        **whose,
        warnings=["down"],
        shows=["state", "reason"],
        response_minutes=30,
        session_minutes=60,
        late_discount=0,
        price={"price_minor": amount(secret, Shown.ORGANISATION)},
        state=state,
    )["id"]
    world.rows.insert(
        "service_contract_resource", "", **whose, contract_id=made,
        resource_id=_machine(world, owner),
    )  # fmt: skip
    return made


def _order(world: World, owner: Owner, provider: Owner, state: str) -> UUID:
    secret, whose = _secret_of(owner, provider), _whose(world, owner, provider)
    made: UUID = world.add(
        "work_order",
        secret,
        **whose,
        contract_id=_contract(world, owner, provider, "active"),
        resource_id=_machine(world, owner),
        cause="down",
        reason=marker(secret, Shown.ORGANISATION),
        state=state,
        **_ORDERS[state],
    )["id"]
    of_order = {**whose, "order_id": made}
    world.add("work_order_finding", secret, **of_order, kind="maintenance")
    world.rows.insert("service_fact", "", **of_order, kind="responded")
    return made


def _session(world: World, owner: Owner, provider: Owner, state: str) -> UUID:
    secret, whose = _secret_of(owner, provider), _whose(world, owner, provider)
    decided: dict[str, Any] = (
        {"decided_at": START, "expires_at": _SOON} if state == "granted" else {}
    )
    made: UUID = world.add(
        "remote_session",
        secret,
        **whose,
        order_id=_order(world, owner, provider, "accepted"),
        minutes=30,
        state=state,
        **decided,
    )["id"]
    entry: dict[str, Any] = {"session_id": made, "kind": "requested", "party": "provider"}
    world.add("remote_session_entry", secret, **whose, **entry)
    return made


def _product(world: World, owner: Owner, shown: Shown) -> UUID:
    made: UUID = world.owned(
        "product", owner, shown, visibility=shown.value, state="published", version=1
    )["id"]
    price = {"unit": "piece", "price_minor": amount(owner, shown)}
    world.owned(
        "product_version",
        owner,
        shown,
        product_id=made,
        version=1,
        specification=SPECIFICATION | {"title": marker(owner, shown), "price": price},
    )
    return made


def _product_order(world: World, buyer: Owner, maker: Owner, state: str) -> UUID:
    """Of one leg, the maker's own, and nothing left to be paid."""
    secret = _secret_of(buyer, maker)
    whose: dict[str, Any] = {"organisation_id": world.organisations[buyer]}
    with world.rows.connection.transaction():
        joint_id = world.add("joint", secret, **whose, legs=1)["id"]
        booking_id = _booking(
            world, buyer, maker, world.resources[maker, Shown.PUBLIC],
            state=state, joint_id=joint_id, leg=1,
        )  # fmt: skip
    made: UUID = world.add(
        "product_order",
        secret,
        **whose,
        maker_id=world.organisations[maker],
        product_id=_product(world, maker, Shown.PUBLIC),
        product_version=1,
        choices={},
        total_minor=amount(secret, Shown.ORGANISATION),
        currency="CNY",
        lines=[],
        joint_id=joint_id,
        state=state,
    )["id"]
    world.add(
        "product_milestone",
        secret,
        **whose,
        order_id=made,
        number=1,
        payee_id=world.organisations[maker],
        amount_minor=0,
        booking_id=booking_id,
        done_at=START,
    )
    return made


def _booking(
    world: World, buyer: Owner, provider: Owner, resource_id: UUID, *, state: str, **joint: Any
) -> UUID:
    secret = _secret_of(buyer, provider)
    start = START + timedelta(hours=2)
    made: UUID = world.add(
        "booking",
        secret,
        organisation_id=world.organisations[buyer],
        provider_id=world.organisations[provider],
        resource_id=resource_id,
        offer_id=world.offers[provider, Shown.PUBLIC],
        units=1,
        during=TimestamptzRange(start, start + timedelta(hours=1)),
        state=state,
        hold_until=START + timedelta(hours=1) if state == "held" else None,
        price_minor=amount(secret, Shown.ORGANISATION),
        currency="CNY",
        at_risk=False,
        **joint,
    )["id"]
    return made


def _test_booking(world: World, buyer: Owner, laboratory: Owner) -> UUID:
    """A firm booking of a method anybody sees."""
    resource_id = world.owned(
        "resource",
        laboratory,
        Shown.PUBLIC,
        visibility="public",
        site_id=world.sites[laboratory],
        kind="lab_method",
        timezone="Asia/Shanghai",
        minimum_hours=0.5,
        minimum_quantity=1,
    )["id"]
    world.owned(
        "capability", laboratory, Shown.PUBLIC, resource_id=resource_id,
        process="testing.mechanical.tensile", certificates=[],
    )  # fmt: skip
    return _booking(world, buyer, laboratory, resource_id, state="confirmed")


def _sample(world: World, buyer: Owner, laboratory: Owner, state: str) -> UUID:
    secret = _secret_of(buyer, laboratory)
    whose: dict[str, Any] = {
        "organisation_id": world.organisations[buyer],
        "laboratory_id": world.organisations[laboratory],
    }
    resource_id = world.resources[laboratory, Shown.PUBLIC]
    made: UUID = world.add(
        "sample",
        secret,
        **whose,
        booking_id=_booking(world, buyer, laboratory, resource_id, state="confirmed"),
        accreditations=[],
        state=state,
    )["id"]
    step: dict[str, Any] = {
        "sample_id": made,
        "state": "registered",
        "said_by": whose["organisation_id"],
    }
    world.add("sample_step", secret, **whose, **step)
    if state == "reported":
        world.add(
            "test_report", secret, **whose, sample_id=made, accreditations=[],
            outcome="passed", sha256="0" * 64,
        )  # fmt: skip
    return made


def _handover(world: World, buyer: Owner, carrier: Owner) -> UUID:
    secret = _secret_of(buyer, carrier)
    resource_id = world.resources[carrier, Shown.PUBLIC]
    made: UUID = world.add(
        "handover",
        secret,
        organisation_id=world.organisations[buyer],
        carrier_id=world.organisations[carrier],
        booking_id=_booking(world, buyer, carrier, resource_id, state="confirmed"),
        kind="picked_up",
    )["id"]
    return made
