"""The page for everybody: both languages, assistive technology, small screens, keyboard only."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.support.browser import PageServer

pytestmark = pytest.mark.browser

PHONE = ViewportSize(width=360, height=740)
AXE_OPTIONS = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
}


class TestLanguages:
    @pytest.mark.parametrize(
        ("language", "names"),
        [
            ("zh", ("资源", "已撤回的可订时段", "预订", "需求与匹配", "English", "深色")),
            (
                "en",
                (
                    "Resources",
                    "Withdrawn from offer",
                    "Bookings",
                    "Demands and what fits",
                    "中文",
                    "Dark",
                ),
            ),
        ],
    )
    def test_everything_is_found_by_role_and_name(
        self, page: Page, pages: PageServer, language: str, names: tuple[str, ...]
    ) -> None:
        page.goto(f"{pages.url}/?lang={language}")
        *panels, other, dark = names
        for panel in panels:
            expect(page.get_by_role("region", name=panel, exact=True)).to_be_visible()
            expect(page.get_by_role("heading", level=2, name=panel, exact=True)).to_be_visible()
        expect(page.get_by_role("link", name=other)).to_be_visible()
        expect(page.get_by_role("link", name=dark)).to_be_visible()

    def test_the_choice_is_remembered(self, page: Page, pages: PageServer) -> None:
        page.goto(pages.url + "/?lang=en")
        page.get_by_role("link", name="中文").click()
        expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
        page.goto(pages.url)
        expect(page.locator("html")).to_have_attribute("lang", "zh-CN")


class TestTheme:
    def test_the_choice_is_made_without_a_reload_and_remembered(
        self, page: Page, pages: PageServer
    ) -> None:
        page.goto(pages.url + "/?lang=en")
        page.evaluate("window.sameDocument = true")
        page.get_by_role("link", name="Dark").click()
        expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
        assert page.evaluate("window.sameDocument") is True
        page.reload()
        expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")

    def test_follows_the_system_until_chosen(self, browser: Browser, pages: PageServer) -> None:
        with browser.new_context(color_scheme="dark") as context:
            page = context.new_page()
            page.goto(pages.url)
            expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")


class TestAccessibility:
    @pytest.mark.parametrize("language", ["zh", "en"])
    @pytest.mark.parametrize("theme", ["light", "dark"])
    def test_axe_finds_nothing_of_level_a_or_aa(
        self, page: Page, pages: PageServer, language: str, theme: str
    ) -> None:
        page.goto(f"{pages.url}/?lang={language}&theme={theme}")
        expect(page.get_by_role("status")).to_have_text(re.compile("Live|实时"))
        found = Axe().run(page, options=AXE_OPTIONS)
        assert found.violations_count == 0, found.generate_report()

    def test_states_are_told_by_text_and_icon_besides_colour(
        self, page: Page, pages: PageServer
    ) -> None:
        page.goto(pages.url + "/?lang=en")
        for badge in page.locator(".resource .state").all():
            expect(badge.locator("use")).to_have_count(1)
            expect(badge).to_have_text(re.compile(r"\w+"))

    def test_the_keyboard_reaches_everything_and_can_skip_the_header(
        self, page: Page, pages: PageServer
    ) -> None:
        page.goto(pages.url + "/?lang=en")
        page.keyboard.press("Tab")
        skip = page.get_by_role("link", name="Skip to content")
        expect(skip).to_be_focused()
        expect(skip).to_be_in_viewport()
        page.keyboard.press("Enter")
        expect(page.locator("#main")).to_be_focused()
        page.goto(pages.url + "/?lang=en")
        for name in ("Skip to content", "Nonagon", "Sign in", "中文", "Dark"):
            page.keyboard.press("Tab")
            expect(page.get_by_role("link", name=name)).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.get_by_role("link", name="Light")).to_be_focused()


class TestSmallScreens:
    @pytest.mark.parametrize("language", ["zh", "en"])
    def test_nothing_scrolls_sideways_at_360_pixels(
        self, browser: Browser, pages: PageServer, language: str
    ) -> None:
        with browser.new_context(viewport=PHONE) as context:
            page = context.new_page()
            page.goto(f"{pages.url}/?lang={language}")
            expect(page.get_by_role("status")).to_have_text(re.compile("Live|实时"))
            assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]


class TestPolicy:
    def test_no_markup_carries_script_or_style(self, page: Page, pages: PageServer) -> None:
        html = page.request.get(pages.url + "/").text()
        assert "style=" not in html
        assert "<style" not in html
        assert re.findall(r"<script(?![^>]*\bsrc=)", html) == []
        assert re.findall(r"\son\w+=", html) == []
