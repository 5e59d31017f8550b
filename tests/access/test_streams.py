"""Live events reach those they are for, over the wire, and nobody else."""

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import product
from typing import Self
from uuid import UUID

import httpx
import pytest

from gateway.live import LiveHub
from services.contracts.events.envelope import Audience, Event
from services.runtime.database_roles import APP
from services.runtime.db import engine_for, sessions_for
from services.runtime.routing import API_PREFIX
from services.runtime.settings import Settings
from tests.access import tally
from tests.access.callers import VALID, Caller
from tests.access.conftest import Stage, application
from tests.access.expectation import sees
from tests.access.markers import Owner, Shown
from tests.access.world import World
from tests.support.api import served
from tests.support.waiting import eventually

LAST = "the-last-one"


def audience(world: World, owner: Owner, shown: Shown) -> Audience:
    """As the contexts address what happens to a thing shown like this."""
    shared = owner is not Owner.STRANGER
    confided = (world.organisations[Owner.OWN],) if owner is Owner.NEIGHBOUR else ()
    told = (world.organisations[owner], *(confided if shown is Shown.NDA else ()))
    return Audience(
        organisation_ids=told,
        visibility="organisation" if shown is Shown.NDA else shown.value,
        park=(world.park if shared else "elsewhere") if shown is Shown.PARK else None,
        space_id=(world.space if shared else UUID(int=1)) if shown is Shown.SPACE else None,
    )


class Listener:
    """One open stream and what it said until the last event."""

    def __init__(self, client: httpx.Client, caller: Caller) -> None:
        token = caller.tokens.get(VALID)
        headers = {"authorization": f"Bearer {token}"} if token else {}
        self.caller = caller
        self._client = client
        self._request = client.build_request("GET", f"{API_PREFIX}/stream", headers=headers)

    def __enter__(self) -> Self:
        self._response = self._client.send(self._request, stream=True)
        assert self._response.status_code == 200
        return self

    def __exit__(self, *_: object) -> None:
        self._response.close()

    def heard(self) -> set[str]:
        names = set[str]()
        for line in self._response.iter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
                if name == LAST:
                    return names
                names.add(name)
        raise AssertionError("the stream ended early")


@pytest.fixture
def heard(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, set[str]]]:
    """Each caller's stream after one event of every owner and visibility."""
    engine = engine_for(stage.database_url, pool_max=5, application="streams", role=APP)
    app = application(sessions_for(engine), Settings(state_dir=tmp_path_factory.mktemp("state")))
    with served(app) as address, httpx.Client(base_url=address, trust_env=False) as client:
        with ExitStack() as stack:
            listeners = [stack.enter_context(Listener(client, caller)) for caller in stage.callers]
            hub = app.state.live
            eventually(lambda: hub.subscriber_count == len(listeners), what="all are listening")
            _tell(hub, stage.world)
            heard = {listener.caller.name: listener.heard() for listener in listeners}
        yield heard
    engine.dispose()


def _tell(hub: LiveHub, world: World) -> None:
    for place, (owner, shown) in enumerate(product(Owner, Shown)):
        told = audience(world, owner, shown)
        hub.publish_json(f"{owner}-{shown}", str(place), b"{}", audience=told)
    hub.publish_json(LAST, LAST, b"{}")


def test_everybody_hears_exactly_what_they_may(stage: Stage, heard: dict[str, set[str]]) -> None:
    cells = list(product(stage.callers, Owner, Shown))
    wrong = [
        f"{caller.name}: {owner} {shown}"
        for caller, owner, shown in cells
        if (f"{owner}-{shown}" in heard[caller.name]) != sees(caller, owner, shown)
    ]
    tally.count(len(cells), wrong)
    assert wrong == [], "\n".join(wrong)


def test_an_event_nobody_addressed_is_for_nobody() -> None:
    assert Event.model_fields["audience"].get_default() == Audience()
    assert Audience() == Audience(organisation_ids=(), visibility="organisation")
