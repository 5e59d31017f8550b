"""The live hub: order, coalescing, resumption, and readers that do not keep up."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import ClassVar
from uuid import UUID

import pytest

from gateway import live
from gateway.live import RESET_TOPIC, LiveEvent, LiveHub, Subscription, TooManySubscribersError
from services.contracts.access import ANONYMOUS, Principal, Role
from services.contracts.events.capacity import ResourceStateChanged
from services.contracts.events.envelope import Audience
from services.contracts.ids import OrganisationId
from services.contracts.telemetry import ResourceState

SPACE = UUID(int=77)


@pytest.fixture
def hub() -> LiveHub:
    return LiveHub(boot="b1")


async def unread(subscription: Subscription) -> list[LiveEvent]:
    return await subscription.batch(timeout_s=0.01)


async def told(subscription: Subscription) -> list[bytes]:
    return [event.data for event in await unread(subscription)]


class TestPublish:
    async def test_reaches_every_reader_in_order(self, hub: LiveHub) -> None:
        one, other = hub.subscribe(), hub.subscribe()

        hub.publish_json("t", "a", b"1")
        hub.publish_json("t", "b", b"2")

        assert await told(one) == await told(other) == [b"1", b"2"]

    async def test_replaces_the_unread_event_of_the_same_key(self, hub: LiveHub) -> None:
        reader = hub.subscribe()

        for data in (b"1", b"2", b"3"):
            hub.publish_json("t", "a" if data != b"2" else "b", data)

        assert await told(reader) == [b"2", b"3"]

    async def test_keeps_events_of_different_topics_apart(self, hub: LiveHub) -> None:
        reader = hub.subscribe()

        hub.publish_json("state", "a", b"1")
        hub.publish_json("seen", "a", b"2")

        assert await told(reader) == [b"1", b"2"]

    async def test_serialises_an_event_with_its_subject_as_key(self, hub: LiveHub) -> None:
        reader = hub.subscribe()
        event = ResourceStateChanged(
            id=UUID(int=1),
            occurred_at=datetime(2026, 3, 2, tzinfo=UTC),
            resource_id=UUID(int=9),
            state=ResourceState.DOWN,
            previous=ResourceState.IDLE,
            reason="spindle",
            since=datetime(2026, 3, 2, tzinfo=UTC),
            audience=Audience(visibility="public"),
        )

        hub.publish(event)

        received = (await unread(reader))[0]
        assert received.topic == "capacity.resource-state-changed.v1"
        assert received.key == f"{received.topic}:{UUID(int=9)}"
        told = ResourceStateChanged.model_validate_json(received.data)
        assert told == event.model_copy(update={"audience": Audience()})

    async def test_frames_an_event_for_the_stream(self, hub: LiveHub) -> None:
        reader = hub.subscribe()

        hub.publish_json("topic", "a", b'{"x":1}')

        assert (await unread(reader))[0].frame == b'id: b1-1\nevent: topic\ndata: {"x":1}\n\n'

    async def test_resets_a_reader_with_too_many_unread_keys(
        self, hub: LiveHub, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(live, "PENDING_KEYS_MAX", 2)
        slow, quick = hub.subscribe(), hub.subscribe()

        for key in ("a", "b"):
            hub.publish_json("t", key, key.encode())
        await unread(quick)
        hub.publish_json("t", "c", b"c")

        assert [event.topic for event in await unread(slow)] == [RESET_TOPIC]
        assert await told(quick) == [b"c"]


class TestAudience:
    """An event reaches who may hear it, live and resumed alike."""

    FIRM = Principal(organisation_id=OrganisationId(UUID(int=1)), roles=frozenset({Role.BUYER}))
    MANAGER = replace(FIRM, roles=frozenset({Role.SELLER}))
    NEIGHBOUR = Principal(organisation_id=OrganisationId(UUID(int=2)), parks=frozenset({"valley"}))
    PARTNER = Principal(organisation_id=OrganisationId(UUID(int=3)), spaces=frozenset({SPACE}))
    LISTENERS: ClassVar = {
        "anonymous": ANONYMOUS,
        "firm": FIRM,
        "manager": MANAGER,
        "neighbour": NEIGHBOUR,
        "partner": PARTNER,
    }

    @pytest.mark.parametrize(
        ("audience", "hear"),
        [
            (Audience(visibility="public"), set(LISTENERS)),
            (Audience(organisation_ids=(UUID(int=1),)), {"firm", "manager"}),
            (Audience(organisation_ids=(UUID(int=1),), visibility="private"), {"manager"}),
            (
                Audience(organisation_ids=(UUID(int=1),), visibility="park", park="valley"),
                {"firm", "manager", "neighbour"},
            ),
            (Audience(visibility="park", park="hill"), set()),
            (
                Audience(organisation_ids=(UUID(int=1),), visibility="space", space_id=SPACE),
                {"firm", "manager", "partner"},
            ),
            (Audience(visibility="space"), set()),
            (Audience(visibility="park"), set()),
            (Audience(visibility="of another version"), set()),
            (Audience(), set()),
        ],
    )
    async def test_is_who_the_event_names(
        self, hub: LiveHub, audience: Audience, hear: set[str]
    ) -> None:
        start = hub.last_id
        live = {name: hub.subscribe(listener=who) for name, who in self.LISTENERS.items()}

        hub.publish_json("t", "a", b"1", audience=audience)

        resumed = {
            name: hub.subscribe(after=start, listener=who) for name, who in self.LISTENERS.items()
        }
        for readers in (live, resumed):
            assert {name for name, reader in readers.items() if await told(reader)} == hear


class TestResume:
    async def test_gives_what_came_after_the_last_id(self, hub: LiveHub) -> None:
        for key in "abc":
            hub.publish_json("t", key, key.encode())

        assert await told(hub.subscribe(after="b1-1")) == [b"b", b"c"]

    async def test_gives_nothing_to_who_has_seen_everything(self, hub: LiveHub) -> None:
        hub.publish_json("t", "a", b"a")

        assert await told(hub.subscribe(after="b1-1")) == []

    @pytest.mark.parametrize("last", ["b0-1", "b1-99", "b1-", "nonsense", "b1--1"])
    async def test_resets_who_comes_from_elsewhere(self, hub: LiveHub, last: str) -> None:
        hub.publish_json("t", "a", b"a")

        assert [it.topic for it in await unread(hub.subscribe(after=last))] == [RESET_TOPIC]

    async def test_resets_who_was_away_longer_than_the_ring(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(live, "RING_MAX", 2)
        hub = LiveHub(boot="b1")
        for key in "abcd":
            hub.publish_json("t", key, key.encode())

        assert await told(hub.subscribe(after="b1-2")) == [b"c", b"d"]
        assert [it.topic for it in await unread(hub.subscribe(after="b1-1"))] == [RESET_TOPIC]


class TestLeaving:
    async def test_ends_the_iteration_when_the_hub_closes(self, hub: LiveHub) -> None:
        reader = hub.subscribe()
        hub.publish_json("t", "a", b"a")
        hub.close()

        assert [event.data async for event in reader] == [b"a"]

    async def test_frees_the_place_of_a_reader(
        self, hub: LiveHub, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(live, "SUBSCRIBERS_MAX", 1)

        with hub.subscribe():
            with pytest.raises(TooManySubscribersError):
                hub.subscribe()
            assert hub.subscriber_count == 1

        assert hub.subscriber_count == 0
