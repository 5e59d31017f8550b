"""The live page in a real browser: what changes shows without a reload, and nothing is lost."""

import re
from dataclasses import replace
from datetime import datetime

import pytest
from playwright.sync_api import Browser, Page, expect

from gateway.portal.model import Park
from services.contracts.events.booking import BookingChanged
from services.contracts.events.capacity import ResourceSeen, ResourceStateChanged
from services.contracts.telemetry import ResourceState
from tests.browser.park import identity, with_state
from tests.support.browser import PageServer

pytestmark = pytest.mark.browser

LATHE = identity(3)
LATHE_CARD = f"#resource-{LATHE}"
RED = "rgb(179, 38, 30)"
RECONNECTED_MS = 15_000


def open_live(page: Page, pages: PageServer, path: str = "/?lang=en") -> None:
    page.goto(pages.url + path)
    expect(page.get_by_role("status")).to_have_text("Live")


def faulted(pages: PageServer, reason: str = "Coolant pressure low") -> ResourceStateChanged:
    """The lathe goes down: in what is read, and as the event that tells it."""
    now = pages.clock.now()
    pages.park = with_state(pages.park, str(LATHE), ResourceState.DOWN, reason, now)
    return ResourceStateChanged(
        id=pages.clock.new_id(),
        occurred_at=now,
        resource_id=LATHE,
        state=ResourceState.DOWN,
        previous=ResourceState.IDLE,
        reason=reason,
        since=now,
    )


def seen(pages: PageServer, parts: int) -> ResourceSeen:
    return ResourceSeen(
        id=pages.clock.new_id(),
        occurred_at=pages.clock.now(),
        resource_id=LATHE,
        seen_at=pages.clock.now(),
        part_count=parts,
        job_id="WO-9",
        job_predicted_end=None,
    )


def cancelled(pages: PageServer) -> BookingChanged:
    """The first booking leaves the page."""
    gone = pages.park.bookings[0].booking
    pages.park = replace(pages.park, bookings=pages.park.bookings[1:])
    return BookingChanged(
        id=pages.clock.new_id(),
        occurred_at=pages.clock.now(),
        booking_id=gone.id,
        resource_id=gone.resource_id,
        organisation_id=gone.organisation_id,
        state="cancelled",
        at_risk=False,
        at_risk_reason=None,
        start=gone.interval.start,
        end=gone.interval.end,
        units=1,
    )


class TestAFault:
    def test_turns_the_machine_red_without_a_reload(self, page: Page, pages: PageServer) -> None:
        open_live(page, pages)
        card = page.locator(LATHE_CARD)
        expect(card.locator(".state")).to_have_text("Idle")
        page.evaluate("window.sameDocument = true")

        pages.tell(faulted(pages))

        expect(card.locator(".state")).to_have_text("Down")
        expect(card.locator(".state")).to_have_css("background-color", RED)
        expect(card.locator("use").nth(1)).to_have_attribute("href", re.compile("#state-down$"))
        expect(card).to_contain_text("Coolant pressure low")
        assert page.evaluate("window.sameDocument") is True

    def test_moves_the_counters_and_withdraws_the_free_time(
        self, page: Page, pages: PageServer
    ) -> None:
        open_live(page, pages)
        down = page.locator("[data-counter=down] dd")
        expect(down).to_have_text("1")

        pages.tell(faulted(pages))

        expect(down).to_have_text("2")
        expect(page.locator(f"[data-live='{LATHE}:free']")).to_have_text("none left")

    def test_keeps_the_focus_where_it_is(self, page: Page, pages: PageServer) -> None:
        open_live(page, pages)
        link = page.get_by_role("link", name="中文")
        link.focus()

        pages.tell(faulted(pages), cancelled(pages))

        expect(page.locator(LATHE_CARD)).to_have_attribute("data-state", "down")
        expect(page.locator(".panel-bookings .entry")).to_have_count(3)
        expect(link).to_be_focused()

    def test_is_told_in_the_language_of_the_page(self, page: Page, pages: PageServer) -> None:
        page.goto(pages.url + "/?lang=zh")
        expect(page.get_by_role("status")).to_have_text("实时")

        pages.tell(faulted(pages))

        expect(page.locator(f"{LATHE_CARD} .state")).to_have_text("故障")


class TestALiveSign:
    def test_moves_age_job_and_parts_without_reading_the_park_again(
        self, page: Page, pages: PageServer
    ) -> None:
        open_live(page, pages)
        card = page.locator(LATHE_CARD)
        expect(card).to_contain_text("51 parts")

        pages.tell(seen(pages, 52))

        expect(card).to_contain_text("Job WO-9")
        expect(card).to_contain_text("52 parts")


class TestABooking:
    def test_that_changes_reloads_its_panel_only(self, page: Page, pages: PageServer) -> None:
        open_live(page, pages)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))

        pages.tell(cancelled(pages))

        expect(page.locator(".panel-bookings .entry")).to_have_count(3)
        assert [url for url in asked if "/panels/" in url] == [
            f"{pages.url}/portal/panels/bookings?lang=en"
        ]


class TestTheConnection:
    def test_comes_back_after_the_server_was_restarted(self, page: Page, pages: PageServer) -> None:
        open_live(page, pages)
        pages.stop()
        expect(page.get_by_role("status")).to_contain_text(
            "Reconnecting since", timeout=RECONNECTED_MS
        )
        faulted(pages)  # nobody hears this event

        pages.start()

        expect(page.get_by_role("status")).to_have_text("Live", timeout=RECONNECTED_MS)
        expect(page.locator(f"{LATHE_CARD} .state")).to_have_text("Down")

    def test_is_one_for_seven_tabs(self, browser: Browser, pages: PageServer) -> None:
        with browser.new_context(locale="en-GB") as context:
            tabs = [context.new_page() for _ in range(7)]
            for tab in tabs:
                open_live(tab, pages)

            pages.tell(faulted(pages))

            for tab in tabs:
                expect(tab.locator(f"{LATHE_CARD} .state")).to_have_text("Down")
            assert pages.streams_opened == 1

    def test_works_in_a_browser_without_shared_workers(self, page: Page, pages: PageServer) -> None:
        page.add_init_script("delete window.SharedWorker")
        open_live(page, pages)

        pages.tell(faulted(pages))

        expect(page.locator(f"{LATHE_CARD} .state")).to_have_text("Down")


class TestAgeOfData:
    def test_ticks_without_being_announced(self, page: Page, pages: PageServer) -> None:
        open_live(page, pages)
        age = page.locator(f"{LATHE_CARD} .age")
        expect(age).to_have_attribute("aria-live", "off")
        first = age.inner_text()
        expect(age).not_to_have_text(first)


class TestWithoutScripts:
    def test_everything_is_readable(self, browser: Browser, pages: PageServer) -> None:
        with browser.new_context(java_script_enabled=False, locale="en-GB") as context:
            page = context.new_page()
            page.goto(pages.url + "/?lang=en")
            expect(page.get_by_role("heading", level=1)).to_have_text("Hankou Demonstration Park")
            expect(page.get_by_role("article", name="5-axis DMU 50")).to_contain_text("Down")
            expect(page.get_by_role("status")).to_contain_text("As of")
            expect(page.locator(".strip").first).to_have_attribute(
                "aria-label", re.compile("^Today")
            )
            expect(page.locator(".panel-bookings")).to_contain_text("At risk")


class TestAnEmptyPark:
    def test_says_what_to_do(self, page: Page, pages: PageServer) -> None:
        pages.park = empty(pages.park, pages.clock.now())
        open_live(page, pages)
        for hint in ("make demo", "POST /api/v1/demands", "nonagon book"):
            expect(page.get_by_role("main")).to_contain_text(hint)


def empty(park: Park, now: datetime) -> Park:
    return Park(name=park.name, at=now, timezone=park.timezone)
