"""From events to what changes on the page."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from gateway.portal.cells import Cell, changed, panel_versions, park_cells, resource_cells
from gateway.portal.languages import locale_for
from gateway.portal.live import deltas, event_of, rereads
from gateway.portal.words import Words
from services.contracts.events.capacity import GapsRestored, ResourceSeen, ResourceStateChanged
from services.contracts.events.envelope import Event
from services.contracts.telemetry import ResourceState
from services.runtime.web import Language
from tests.browser.park import NOW, ZONE, identity, sample_park, with_state

ICONS = "/static/icons-1.svg"
LATHE = identity(3)
TIMEZONES = {str(LATHE): ZONE}


def words(language: Language = "en") -> Words:
    return Words(locale_for(language))


def went_down(resource: UUID = LATHE) -> ResourceStateChanged:
    return ResourceStateChanged(
        id=identity(900),
        occurred_at=NOW,
        resource_id=resource,
        state=ResourceState.DOWN,
        previous=ResourceState.IDLE,
        reason="Coolant pressure low",
        since=NOW,
    )


def seen() -> ResourceSeen:
    return ResourceSeen(
        id=identity(901),
        occurred_at=NOW,
        resource_id=LATHE,
        seen_at=NOW,
        part_count=1,
        job_id="WO-9",
        job_predicted_end=NOW + timedelta(minutes=18),
    )


class TestAStateChange:
    def test_sets_colour_icon_text_reason_and_since(self) -> None:
        assert deltas(went_down(), words(), timezones=TIMEZONES, icons_url=ICONS) == {
            f"{LATHE}:card": Cell(attributes={"data-state": "down"}),
            f"{LATHE}:icon": Cell(attributes={"href": f"{ICONS}#state-down"}),
            f"{LATHE}:state": Cell("Down"),
            f"{LATHE}:reason": Cell("Coolant pressure low"),
            f"{LATHE}:since": Cell("since 13:42", {"datetime": NOW.isoformat()}),
        }

    def test_speaks_the_language_of_the_reader(self) -> None:
        cells = deltas(went_down(), words("zh"), timezones=TIMEZONES, icons_url=ICONS)
        assert cells[f"{LATHE}:state"].text == "故障"

    def test_of_a_resource_that_is_not_shown_changes_nothing(self) -> None:
        event = went_down(identity(77))
        assert deltas(event, words(), timezones=TIMEZONES, icons_url=ICONS) == {}

    def test_tells_what_a_fresh_reading_would(self) -> None:
        event = went_down()
        park = with_state(sample_park(), str(LATHE), event.state, event.reason, event.since)
        told = deltas(event, words(), timezones=TIMEZONES, icons_url=ICONS)
        fresh = park_cells(park, words(), ICONS)
        assert told.items() <= fresh.items()


class TestALiveSign:
    def test_sets_age_job_and_parts(self) -> None:
        cells = deltas(seen(), words(), timezones=TIMEZONES, icons_url=ICONS)
        assert cells[f"{LATHE}:age"] == Cell(attributes={"datetime": NOW.isoformat()})
        assert cells[f"{LATHE}:job"].text == "Job WO-9"
        assert cells[f"{LATHE}:job-end"].text == "ends about 14:00"
        assert cells[f"{LATHE}:parts"].text == "1 part"

    def test_alone_does_not_make_the_park_be_read_again(self) -> None:
        assert not rereads(seen())


class Received:
    def __init__(self, topic: str, data: bytes) -> None:
        self.topic = topic
        self.data = data


class TestReading:
    @pytest.mark.parametrize(
        "event",
        [went_down(), seen(), GapsRestored(id=identity(1), occurred_at=NOW, resource_id=LATHE)],
    )
    def test_an_event_survives_the_hub(self, event: Event) -> None:
        received = Received(event.type, event.model_dump_json().encode())
        assert event_of(received) == event

    def test_an_unknown_type_or_a_reset_may_mean_anything(self) -> None:
        assert event_of(Received("reset", b"{}")) is None
        assert rereads(None)

    @pytest.mark.parametrize(
        "event", [went_down(), GapsRestored(id=identity(1), occurred_at=NOW, resource_id=LATHE)]
    )
    def test_what_moves_counters_gaps_or_panels_is_read_again(self, event: Event) -> None:
        assert rereads(event)


class TestDifferences:
    def test_equal_readings_have_none(self) -> None:
        before = park_cells(sample_park(), words(), ICONS)
        assert changed(before, park_cells(sample_park(), words(), ICONS)) == {}

    def test_a_fault_changes_its_card_and_the_counters_only(self) -> None:
        park = sample_park()
        faulted = with_state(park, str(LATHE), ResourceState.DOWN, None, NOW)
        news = changed(park_cells(park, words(), ICONS), park_cells(faulted, words(), ICONS))
        others = {key for key in news if not key.startswith(str(LATHE))}
        assert others == {"count:idle", "count:down"}
        assert news["count:down"].text == "2"

    def test_a_panel_has_a_new_version_only_when_what_it_lists_changes(self) -> None:
        park = sample_park()
        without = replace(park, bookings=park.bookings[1:], at=NOW + timedelta(minutes=1))
        before, after = panel_versions(park), panel_versions(without)
        assert {panel for panel in before if before[panel] != after[panel]} == {"bookings"}

    def test_a_state_is_no_matter_of_the_board_panel(self) -> None:
        park = sample_park()
        faulted = with_state(park, str(LATHE), ResourceState.DOWN, None, NOW)
        assert panel_versions(park) == panel_versions(faulted)


class TestACard:
    def test_tells_its_timeline_in_words(self) -> None:
        lathe = next(one for one in sample_park().resources if one.id == str(LATHE))
        strip = resource_cells(lathe, words(), ICONS, now=NOW)[f"{LATHE}:strip"]
        assert str(strip.attributes["aria-label"]).replace("\u2060", "") == (
            "Today. Working hours: 00:00–24:00; So far: Setting up 1.2 h, Executing 2 h,"
            " Idle 2.5 h; Booked: 15:00–17:00; Free: 13:42–15:00, 17:00–24:00"
        )

    def test_of_a_resource_without_a_twin_has_no_age(self) -> None:
        room = sample_park().resources[-1]
        cells = resource_cells(room, words(), ICONS, now=NOW)
        assert cells[f"{room.id}:state"].text == "Declared"
        assert f"{room.id}:age" not in cells
