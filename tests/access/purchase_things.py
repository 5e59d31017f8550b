"""Purchasing lists in each state that is needed, with parts and quotes of others in them."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

from tests.access.making import deleted
from tests.access.markers import Owner, Shown
from tests.access.rows import START
from tests.access.world import Thing, World


def purchases(world: World) -> Iterator[Thing]:
    """Own ones, one the callers are invited to, those they find open, and those they must not."""
    for state in ("draft", "open", "awarded"):
        made = _list(world, Owner.OWN, Owner.OWN, Shown.ORGANISATION, state)
        yield Thing(f"own {state}", Owner.OWN, Shown.ORGANISATION, _path(made))
    for owner, shown in (
        (Owner.NEIGHBOUR, Shown.ORGANISATION),
        (Owner.STRANGER, Shown.ORGANISATION),
        (Owner.NEIGHBOUR, Shown.PARK),
        (Owner.NEIGHBOUR, Shown.SPACE),
        (Owner.STRANGER, Shown.PUBLIC),
    ):
        made = _list(world, owner, owner, shown, "open")
        yield Thing(f"{owner} {shown}", owner, shown, _path(made))
    for state in ("open", "awarded"):
        invited = _list(world, Owner.OWN, Owner.NEIGHBOUR, Shown.ORGANISATION, state)
        yield Thing(
            f"invited, {state}", Owner.NEIGHBOUR, Shown.ORGANISATION, _path(invited),
            parties=frozenset({Owner.OWN, Owner.NEIGHBOUR}),
        )  # fmt: skip
    gone = _list(world, Owner.OWN, Owner.OWN, Shown.ORGANISATION, "draft")
    world.rows.delete("purchase_list", id=gone)
    yield deleted(_path(gone))


def _path(made: UUID) -> dict[str, str]:
    return {"purchase_id": str(made)}


def _list(world: World, secret: Owner, lead: Owner, shown: Shown, state: str) -> UUID:
    """With a member and a supplier the callers must not learn of, unless they lead it."""
    places: dict[Shown, dict[str, Any]] = {
        Shown.PARK: {"park": world.park},
        Shown.SPACE: {"space_id": world.space},
    }
    made: UUID = world.add(
        "purchase_list",
        secret,
        shown,
        organisation_id=world.organisations[lead],
        currency="CNY",
        closes_at=START + timedelta(days=1),
        quotes_until=START + timedelta(days=1),
        visibility=shown.value,
        state="draft" if state == "draft" else "open",
        **places.get(shown, {}),
    )["id"]
    whose: dict[str, Any] = {"organisation_id": world.organisations[lead], "list_id": made}
    world.add("purchase_item", secret, shown, **whose, number=1, pooled=0, confirmed=0)
    hidden = Owner.OWN if lead is Owner.OWN else Owner.STRANGER
    if secret is Owner.OWN and lead is not Owner.OWN:
        world.rows.insert(
            "purchase_guest", "", **whose, guest_id=world.organisations[Owner.OWN], role="member"
        )
    if secret is Owner.OWN:
        _part(world, Owner.OWN, Owner.OWN, whose)
    _part(world, hidden, Owner.NEIGHBOUR if lead is Owner.OWN else Owner.STRANGER, whose)
    _supplied(world, hidden, whose, state)
    return made


def _part(world: World, secret: Owner, member: Owner, whose: dict[str, Any]) -> None:
    world.add(
        "purchase_part",
        secret,
        **whose,
        member_id=world.organisations[member],
        state="joined",
        quantities={"1": 1},
    )


def _supplied(world: World, secret: Owner, whose: dict[str, Any], state: str) -> None:
    """By the landlord, who is nobody's caller; members see what was awarded."""
    secret = Owner.OWN if state == "awarded" else secret
    supplier: dict[str, Any] = {"supplier_id": world.landlord}
    line = {"number": 1, "tiers": [{"quantity": 1, "unit_minor": 100}], "setup_minor": 0}
    quote = world.add(
        "purchase_quote",
        secret,
        **whose,
        **supplier,
        state="awarded" if state == "awarded" else "submitted",
        lines=[line],
        valid_until=START + timedelta(days=9),
    )
    if state == "awarded":
        world.add(
            "purchase_award",
            Owner.OWN,
            **whose,
            **supplier,
            number=1,
            quote_id=quote["id"],
            line=line,
        )
        world.rows.connection.execute(
            "UPDATE purchase_list SET state = 'awarded', confirm_by = %s WHERE id = %s",
            [START + timedelta(days=2), whose["list_id"]],
        )
