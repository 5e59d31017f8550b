"""Things of chain spaces: products with the record that they were made."""

from collections.abc import Iterator
from uuid import UUID

from tests.access.making import deleted
from tests.access.markers import Owner, Shown
from tests.access.world import Thing, World


def tracked_products(world: World) -> Iterator[Thing]:
    """One in the space the callers' organisation shares, one it leads alone, one of strangers."""
    led, joined, elsewhere = (
        UUID(thing.path["space_id"]) for thing in world.things["space_id",][:3]
    )
    yield _thing("own", Owner.OWN, Shown.ORGANISATION, _product(world, Owner.OWN, led))
    shared = _product(world, Owner.NEIGHBOUR, joined)
    yield _thing("shared", Owner.NEIGHBOUR, Shown.SPACE, shared)
    hidden = _product(world, Owner.STRANGER, elsewhere)
    yield _thing("a stranger's", Owner.STRANGER, Shown.SPACE, hidden)
    gone = _product(world, Owner.OWN, led)
    world.rows.delete("chain_record", product_id=gone)
    world.rows.delete("chain_product", id=gone)
    yield deleted({"tracked_id": str(gone)})


def _thing(name: str, owner: Owner, shown: Shown, product_id: UUID) -> Thing:
    return Thing(name, owner, shown, {"tracked_id": str(product_id)})


def _product(world: World, owner: Owner, space_id: UUID) -> UUID:
    shown = Shown.ORGANISATION if owner is Owner.OWN else Shown.SPACE
    made: UUID = world.owned("chain_product", owner, shown, space_id=space_id)["id"]
    world.owned(
        "chain_record",
        owner,
        shown,
        space_id=space_id,
        product_id=made,
        kind="made",
        prior_sha256=None,
        sha256=world.rows.new_id().hex * 2,
    )
    world.owned(
        "chain_figure",
        owner,
        shown,
        space_id=space_id,
        partner_id=world.landlord,
        kind="demand",
        source="declared",
        week="2026-W53",
    )
    return made


def orders_of_spaces(world: World) -> Iterator[Thing]:
    """An own order where both its parties are, another's there, an own one where nobody is."""
    _, joined, elsewhere = (thing.path["space_id"] for thing in world.things["space_id",][:3])
    orders = [thing for thing in world.things["order_id",] if thing.exists]
    own = next(order for order in orders if Owner.OWN in order.parties).path["order_id"]
    foreign = next(order for order in orders if Owner.OWN not in order.parties).path["order_id"]
    for name, owner, space_id, order_id in (
        ("own", Owner.OWN, joined, own),
        ("another's", Owner.NEIGHBOUR, joined, foreign),
        ("own elsewhere", Owner.STRANGER, elsewhere, own),
    ):
        path = {"space_id": space_id, "order_id": order_id}
        yield Thing(name, owner, Shown.ORGANISATION, path)
    yield deleted({"space_id": joined, "order_id": str(world.rows.new_id())})
