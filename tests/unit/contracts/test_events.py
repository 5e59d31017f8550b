"""Every event type is registered, versioned and documented with exactly its fields."""

import re
from pathlib import Path

import pytest

from services.contracts.events.envelope import Event
from services.runtime.bus import EVENT_TYPES, UndecodableEventError, decode_event

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "events" / "README.md"
COMMON = {"id", "occurred_at", "audience"}


def documented() -> dict[str, set[str]]:
    rows = re.findall(
        r"^\| `([a-z.-]+\.v\d+)` \|[^|]*\|([^|]*)\|$", DOCUMENT.read_text(), re.MULTILINE
    )
    return {name: set(re.findall(r"`(\w+)`", fields)) for name, fields in rows}


@pytest.mark.parametrize("event_type", EVENT_TYPES.values(), ids=lambda event: event.type)
def test_is_documented_with_exactly_its_fields(event_type: type[Event]) -> None:
    assert documented()[event_type.type] == set(event_type.model_fields) - COMMON


def test_nothing_is_documented_that_does_not_exist() -> None:
    assert set(documented()) == {event_type.type for event_type in EVENT_TYPES.values()}


def test_every_subclass_is_registered() -> None:
    assert set(EVENT_TYPES.values()) >= {
        kind for kind in Event.__subclasses__() if kind.__module__.startswith("services.contracts")
    }


def test_an_unknown_type_is_skipped_and_a_broken_one_told() -> None:
    assert decode_event("events.capacity.future.v9", b"{}") is None
    with pytest.raises(UndecodableEventError, match="gaps-restored"):
        decode_event("events.capacity.gaps-restored.v1", b"not json")
