"""Signing in and out on the page, on a real API and database."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from services.runtime.clock import SystemClock
from services.runtime.db import Sessions
from tests.browser.test_reading_it import AXE_OPTIONS
from tests.support.api import served_app

pytestmark = pytest.mark.browser

EMAIL = "owner@example.com"
PASSWORD = "a long made-up phrase"


@pytest.fixture
def site(sessions: Sessions, tmp_path: Path) -> Iterator[str]:
    with served_app(sessions, SystemClock(), pages=True, state_dir=tmp_path) as (_, address):
        yield address


@pytest.fixture
def firm(site: str) -> str:
    """A firm whose owner has signed up."""
    facts = {"name": "Example works", "name_zh": "示例工厂", "kind": "firm"}
    person = {"email": EMAIL, "password": PASSWORD, "name": "Owner", "organisation": facts}
    answer = httpx.post(f"{site}/api/v1/sign-up", json=person, trust_env=False)
    assert answer.status_code == 201, answer.text
    return "Example works"


def fill(page: Page, password: str) -> None:
    page.get_by_label(re.compile("E-mail|电子邮箱")).fill(EMAIL)
    page.get_by_label(re.compile("Password|密码")).fill(password)
    page.locator("main").get_by_role("button").click()


def session_cookie(context: BrowserContext) -> dict[str, object]:
    return next(dict(one) for one in context.cookies() if one["name"].startswith("__Host-"))


def test_somebody_signs_in_sees_for_whom_and_signs_out(page: Page, site: str, firm: str) -> None:
    page.goto(f"{site}/?lang=en")
    page.get_by_role("link", name="Sign in").click()
    fill(page, PASSWORD)
    expect(page.get_by_text(firm)).to_be_visible()
    cookie = session_cookie(page.context)
    assert (cookie["httpOnly"], cookie["secure"], cookie["sameSite"]) == (True, True, "Lax")
    assert page.evaluate("document.cookie.includes('session')") is False
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()


def test_a_revoked_cookie_is_worth_nothing(page: Page, site: str, firm: str) -> None:
    page.goto(f"{site}/sign-in?lang=en")
    fill(page, PASSWORD)
    expect(page.get_by_text(firm)).to_be_visible()
    kept = session_cookie(page.context)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()
    cookies = {str(kept["name"]): str(kept["value"])}
    answer = httpx.get(f"{site}/api/v1/session", cookies=cookies, trust_env=False)
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("language", "told"),
    [("en", "The address or the password is wrong"), ("zh", "邮箱或密码错误")],
)
def test_a_wrong_password_is_told_and_the_address_kept(
    browser: Browser, site: str, firm: str, language: str, told: str
) -> None:
    assert firm
    page = browser.new_page(locale="fr-FR")
    page.goto(f"{site}/sign-in?lang={language}")
    fill(page, "something else entirely")
    expect(page.get_by_role("alert")).to_contain_text(told)
    expect(page.get_by_label(re.compile("E-mail|电子邮箱"))).to_have_value(EMAIL)
    page.close()


@pytest.mark.parametrize("elsewhere", ["https://example.org/", "//example.org", "/\\example.org"])
def test_nobody_is_sent_elsewhere(page: Page, site: str, firm: str, elsewhere: str) -> None:
    page.goto(f"{site}/sign-in?lang=en&next={elsewhere}")
    fill(page, PASSWORD)
    expect(page.get_by_text(firm)).to_be_visible()
    assert page.url.startswith(f"{site}/")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_of_level_a_or_aa(page: Page, site: str, theme: str) -> None:
    page.goto(f"{site}/sign-in?lang=zh&theme={theme}")
    found = Axe().run(page, options=AXE_OPTIONS)
    assert found.violations_count == 0, found.generate_report()
