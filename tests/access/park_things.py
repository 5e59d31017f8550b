"""Services of parks and requests for them, in each state that what is done needs."""

from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID

from tests.access.making import deleted
from tests.access.markers import Owner, Shown
from tests.access.rows import START
from tests.access.world import Thing, World

_PAIRS: Final = (
    (Owner.OWN, Owner.NEIGHBOUR),
    (Owner.NEIGHBOUR, Owner.OWN),
    (Owner.NEIGHBOUR, Owner.STRANGER),
)
_STATES: Final[dict[str, dict[str, Any]]] = {
    "asked": {"answered_at": None, "done_at": None},
    "accepted": {"answered_at": START, "done_at": None},
}


def services(world: World) -> Iterator[Thing]:
    for owner in (Owner.NEIGHBOUR, Owner.STRANGER):
        made = _service(world, owner)
        yield Thing(owner, owner, Shown.PARK, {"park_service_id": str(made)})
    gone = _service(world, Owner.OWN)
    world.rows.delete("park_service", id=gone)
    yield deleted({"park_service_id": str(gone)})


def requests(world: World) -> Iterator[Thing]:
    for asker, provider in _PAIRS:
        for state in _STATES:
            made = _request(world, asker, provider, state)
            yield Thing(
                f"{asker} asks {provider}, {state}", asker, Shown.ORGANISATION,
                {"park_request_id": str(made)}, parties=frozenset({asker, provider}),
                taker=asker, giver=provider,
            )  # fmt: skip
    gone = _request(world, Owner.OWN, Owner.NEIGHBOUR, "asked")
    world.rows.delete("park_request", id=gone)
    yield deleted({"park_request_id": str(gone)})


def _service(world: World, owner: Owner) -> UUID:
    park = "park-of-stranger" if owner is Owner.STRANGER else world.park
    made: UUID = world.owned(
        "park_service", owner, Shown.PARK, park=park, kind="training", answer_hours=1
    )["id"]
    return made


def _request(world: World, asker: Owner, provider: Owner, state: str) -> UUID:
    service_id = _service(world, provider)
    park = "park-of-stranger" if provider is Owner.STRANGER else world.park
    secret = Owner.OWN if Owner.OWN in {asker, provider} else Owner.STRANGER
    made: UUID = world.add(
        "park_request",
        secret,
        organisation_id=world.organisations[asker],
        provider_id=world.organisations[provider],
        service_id=service_id,
        park=park,
        state=state,
        **_STATES[state],
    )["id"]
    return made
