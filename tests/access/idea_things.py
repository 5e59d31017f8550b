"""Things of the idea box: boxes, ideas, and promotions of offers that await a review."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from tests.access.making import deleted
from tests.access.markers import Owner, Shown, amount
from tests.access.rows import START
from tests.access.world import Thing, World

_STAGES: Final = [
    {
        "key": "screened", "name": "Screened", "name_zh": "初筛", "amount_minor": 0,
        "decided_by": ["expert", "seller", "owner"],
    }
]  # fmt: skip


def boxes(world: World) -> Iterator[Thing]:
    for owner in Owner:
        world.idea_boxes[owner] = _box(world, owner)
        path = {"box_id": str(world.idea_boxes[owner])}
        yield Thing(owner, owner, Shown.ORGANISATION, path)
    gone = _box(world, Owner.OWN)
    world.rows.delete("idea_box", id=gone)
    yield deleted({"box_id": str(gone)})


def ideas(world: World) -> Iterator[Thing]:
    """Each with a vote, a comment and a decision; and an offer's promotion to be reviewed."""
    for owner in Owner:
        made = _idea(world, owner)
        part: dict[str, Any] = {"idea_id": made}
        world.owned("idea_vote", owner, **part, person_id=world.rows.new_id(), value=1)
        world.owned("idea_comment", owner, **part)
        secret = amount(owner, Shown.ORGANISATION)
        decided: dict[str, Any] = {"stage": "seed", "outcome": "advance", "amount_minor": secret}
        world.owned("idea_decision", owner, **part, **decided, currency="CNY")
        offer_id = world.offers[owner, Shown.PRIVATE]
        asked: dict[str, Any] = {"offer_id": offer_id, "offer_version": 1, "state": "asked"}
        world.owned("offer_promotion", owner, Shown.PRIVATE, **asked)
        yield Thing(owner, owner, Shown.ORGANISATION, {"idea_id": str(made)})
    gone = _idea(world, Owner.OWN)
    world.rows.delete("idea", id=gone)
    yield deleted({"idea_id": str(gone)})


def _box(world: World, owner: Owner) -> UUID:
    facts: dict[str, Any] = {
        "account_id": world.cost_centres[owner][0],
        "currency": "CNY",
        "budget_minor": amount(owner, Shown.ORGANISATION),
        "spent_minor": 0,
        "stages": _STAGES,
        "closes_at": START + timedelta(days=3),
        "version": 1,
    }
    made: UUID = world.owned("idea_box", owner, **facts)["id"]
    return made


def _idea(world: World, owner: Owner) -> UUID:
    facts: dict[str, Any] = {"box_id": world.idea_boxes[owner], "state": "open", "stage": 0}
    made: UUID = world.owned("idea", owner, **facts)["id"]
    return made
