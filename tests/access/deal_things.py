"""Things of deals: requests, quotes, orders, disputes, in the states that what is done needs."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from tests.access.making import deleted
from tests.access.markers import Owner, Shown, amount, marker
from tests.access.rows import START
from tests.access.world import Thing, World

TOTAL: Final = 100
_PAIRS: Final = (
    (Owner.OWN, Owner.NEIGHBOUR),
    (Owner.NEIGHBOUR, Owner.OWN),
    (Owner.NEIGHBOUR, Owner.STRANGER),
)
_LINES: Final = [{"number": 1, "description": "Part", "quantity": 1, "unit": "piece"}]
_WORKED: Final[dict[str, dict[str, Any]]] = {
    "awarded": {"state": "awarded"},
    "funded": {"state": "awarded", "funded_at": START},
    "in production": {"state": "in_production", "funded_at": START},
    "delivered": {"state": "in_production", "funded_at": START, "delivered": 1},
    "rejected": {"state": "inspected", "funded_at": START, "passed": False, "delivered": 1},
    "paid": {
        "state": "inspected", "funded_at": START, "passed": True, "delivered": 1, "accepted": 1,
        "released_minor": TOTAL,
    },
}  # fmt: skip
"""Orders as what is done to them finds them."""


def deals(world: World) -> Iterator[Thing]:
    """Requests nobody else sees, open ones, and one the callers are invited to."""
    for owner in Owner:
        for state in ("draft", "published"):
            made = _deal(world, owner, owner, Shown.ORGANISATION, state=state)
            yield Thing(f"{owner} {state}", owner, Shown.ORGANISATION, {"deal_id": str(made)})
    for owner, shown in (
        (Owner.NEIGHBOUR, Shown.PUBLIC),
        (Owner.STRANGER, Shown.PUBLIC),
        (Owner.NEIGHBOUR, Shown.PARK),
        (Owner.NEIGHBOUR, Shown.SPACE),
    ):
        made = _deal(world, owner, owner, shown)
        yield Thing(f"{owner} {shown}", owner, shown, {"deal_id": str(made)})
    invited = _deal(world, Owner.OWN, Owner.NEIGHBOUR, Shown.ORGANISATION)
    _bid(world, Owner.OWN, invited, Owner.NEIGHBOUR, Owner.OWN)
    yield Thing(
        "invited", Owner.NEIGHBOUR, Shown.ORGANISATION, {"deal_id": str(invited)},
        parties=frozenset({Owner.OWN, Owner.NEIGHBOUR}),
    )  # fmt: skip
    gone = _deal(world, Owner.OWN, Owner.OWN, Shown.ORGANISATION)
    world.rows.delete("deal", id=gone)
    yield deleted({"deal_id": str(gone)})


def quotes(world: World) -> Iterator[Thing]:
    for buyer, supplier in _PAIRS:
        for state in ("quoted", "shortlisted"):
            made = _quote(world, buyer, supplier, state)
            yield _between(f"{supplier} quotes {buyer}, {state}", buyer, supplier, quote_id=made)
    gone = _quote(world, Owner.OWN, Owner.NEIGHBOUR, "quoted")
    world.rows.delete("deal_quote", id=gone)
    yield deleted({"quote_id": str(gone)})


def orders(world: World) -> Iterator[Thing]:
    for buyer, supplier in _PAIRS:
        for name, facts in _WORKED.items():
            made = _order(world, buyer, supplier, **facts)
            yield _between(f"{buyer} orders of {supplier}, {name}", buyer, supplier, order_id=made)
    gone = _order(world, Owner.OWN, Owner.NEIGHBOUR, state="awarded")
    for table in ("deal_order_line", "deal_milestone", "deal_proposal"):
        world.rows.delete(table, order_id=gone)
    world.rows.delete("deal_order", id=gone)
    yield deleted({"order_id": str(gone)})


def invoices(world: World) -> Iterator[Thing]:
    """Those the buyer may still decide about, and confirmed ones that may be credited."""
    for buyer, supplier in _PAIRS:
        for state in ("recorded", "confirmed"):
            made = _invoice(world, buyer, supplier, state)
            name = f"{supplier} invoices {buyer}, {state}"
            yield _between(name, buyer, supplier, invoice_id=made)
    gone = _invoice(world, Owner.OWN, Owner.NEIGHBOUR, "recorded")
    world.rows.delete("deal_invoice", id=gone)
    yield deleted({"invoice_id": str(gone)})


def disputes(world: World) -> Iterator[Thing]:
    for buyer, supplier in _PAIRS:
        made = _dispute(world, buyer, supplier)
        yield _between(f"{buyer} disputes with {supplier}", buyer, supplier, dispute_id=made)
    gone = _dispute(world, Owner.OWN, Owner.NEIGHBOUR)
    world.rows.delete("deal_dispute", id=gone)
    yield deleted({"dispute_id": str(gone)})


def _between(name: str, buyer: Owner, supplier: Owner, **path: UUID) -> Thing:
    return Thing(
        name, buyer, Shown.ORGANISATION, {key: str(value) for key, value in path.items()},
        parties=frozenset({buyer, supplier}), taker=buyer, giver=supplier,
    )  # fmt: skip


def _secret_of(buyer: Owner, supplier: Owner) -> Owner:
    """What stands between two is the stranger's secret unless the callers are one of them."""
    return Owner.OWN if Owner.OWN in {buyer, supplier} else Owner.STRANGER


def _deal(world: World, secret: Owner, buyer: Owner, shown: Shown, **known: Any) -> UUID:
    places: dict[Shown, dict[str, Any]] = {
        Shown.PARK: {"park": world.park},
        Shown.SPACE: {"space_id": world.space},
    }
    state = known.pop("state", "published")
    row = world.add(
        "deal",
        secret,
        shown,
        organisation_id=world.organisations[buyer],
        lines=_LINES,
        currency="CNY",
        closes_at=START + timedelta(days=1),
        visibility=shown.value,
        state=state,
        published_at=None if state == "draft" else START,
        **places.get(shown, {}),
    )
    made: UUID = row["id"]
    if state == "draft":
        _bid(world, secret, made, buyer, _other(buyer), state="draft", invited=True)
    return made


def _other(owner: Owner) -> Owner:
    return Owner.STRANGER if owner is Owner.NEIGHBOUR else Owner.NEIGHBOUR


def _bid(
    world: World, secret: Owner, deal_id: UUID, buyer: Owner, supplier: Owner, **known: Any
) -> UUID:
    made: UUID = world.add(
        "deal_bid",
        secret,
        **{"state": "published", "invited": True, **known},
        organisation_id=world.organisations[buyer],
        supplier_id=world.organisations[supplier],
        deal_id=deal_id,
    )["id"]
    return made


def _quote(world: World, buyer: Owner, supplier: Owner, state: str) -> UUID:
    secret = _secret_of(buyer, supplier)
    deal_id = _deal(world, secret, buyer, Shown.ORGANISATION)
    bid_id = _bid(world, secret, deal_id, buyer, supplier, state=state)
    line = {
        **_LINES[0], "document": {"unit_minor": TOTAL}, "amount_minor": TOTAL,
        "trace": [{"rule": "pieces", "amount_minor": TOTAL}],
    }  # fmt: skip
    made: UUID = world.add(
        "deal_quote",
        secret,
        organisation_id=world.organisations[buyer],
        supplier_id=world.organisations[supplier],
        deal_id=deal_id,
        bid_id=bid_id,
        state="accepted" if state == "awarded" else "submitted",
        currency="CNY",
        lines=[line],
        total_minor=amount(secret, Shown.ORGANISATION),
        valid_until=START + timedelta(days=2),
        slots=[],
        milestones=[],
    )["id"]
    return made


def _order(world: World, buyer: Owner, supplier: Owner, **known: Any) -> UUID:
    secret = _secret_of(buyer, supplier)
    quote_id = _quote(world, buyer, supplier, "awarded")
    found = world.rows.connection.execute(
        "SELECT deal_id, bid_id FROM deal_quote WHERE id = %s", [quote_id]
    ).fetchone()
    assert found is not None
    whose: dict[str, Any] = {
        "organisation_id": world.organisations[buyer],
        "supplier_id": world.organisations[supplier],
    }
    delivered, accepted = known.pop("delivered", 0), known.pop("accepted", 0)
    order_id: UUID = world.rows.new_id()
    world.add(
        "deal_order",
        secret,
        **{"released_minor": 0, "refunded_minor": 0, **known},
        **whose,
        id=order_id,
        deal_id=found[0],
        bid_id=found[1],
        quote_id=quote_id,
        currency="CNY",
        total_minor=TOTAL,
        escrow_id=_escrow(world, secret, buyer, supplier, order_id),
    )
    part: dict[str, Any] = {**whose, "order_id": order_id, "number": 1, "amount_minor": TOTAL}
    worked: dict[str, Any] = {"quantity": 1, "delivered": delivered, "accepted": accepted}
    world.add("deal_order_line", secret, **part, **worked, unit="piece")
    world.add("deal_milestone", secret, **part, share=10_000)
    return order_id


def _escrow(world: World, secret: Owner, buyer: Owner, supplier: Owner, order_id: UUID) -> UUID:
    made: UUID = world.add(
        "ledger_escrow",
        secret,
        organisation_id=world.organisations[buyer],
        payee_id=world.organisations[supplier],
        subject_kind="order",
        subject_id=order_id,
        amount_minor=TOTAL,
        currency="CNY",
        state="open",
    )["id"]
    return made


def _dispute(world: World, buyer: Owner, supplier: Owner) -> UUID:
    secret = _secret_of(buyer, supplier)
    order_id = _order(world, buyer, supplier, state="disputed", funded_at=START)
    made: UUID = world.add(
        "deal_dispute",
        secret,
        organisation_id=world.organisations[buyer],
        supplier_id=world.organisations[supplier],
        order_id=order_id,
        opened_by=world.organisations[buyer],
        category="quality",
        reason=marker(secret, Shown.ORGANISATION),
        state="open",
    )["id"]
    return made


def _invoice(world: World, buyer: Owner, supplier: Owner, state: str) -> UUID:
    secret = _secret_of(buyer, supplier)
    made: UUID = world.add(
        "deal_invoice",
        secret,
        organisation_id=world.organisations[buyer],
        supplier_id=world.organisations[supplier],
        order_id=_order(world, buyer, supplier, **_WORKED["paid"]),
        kind="ordinary",
        issued_on=START.date(),
        currency="CNY",
        lines=[{"description": "Part", "net_minor": TOTAL, "rate": 0, "vat_minor": 0}],
        net_minor=TOTAL,
        vat_minor=0,
        total_minor=TOTAL,
        state=state,
        decided_at=None if state == "recorded" else START,
    )["id"]
    return made
