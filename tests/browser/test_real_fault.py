"""From a machine's OPC UA server to the page: a fault turns its card red, nobody reloads."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from gateway.demo.api import DemoApi
from tests.support.demo import DemoProcess

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

RED = "rgb(179, 38, 30)"
SHOWN_WITHIN_MS = 15_000


@pytest.fixture(scope="module")
def demo(state_root: Path) -> Iterator[DemoProcess]:
    running = DemoProcess(state_root / "real-fault")
    running.await_live()
    yield running
    running.kill()


@pytest.fixture
def resources(demo: DemoProcess) -> dict[str, str]:
    """Resource ids by name."""
    with DemoApi.at(demo.endpoints.http_url) as api:
        return {one["name"]: one["id"] for one in api.get("/resources", limit=200)["items"]}


def test_a_faulted_machine_turns_red_without_a_reload(
    demo: DemoProcess, resources: dict[str, str], page: Page
) -> None:
    page.goto(f"{demo.endpoints.http_url}/?lang=en")
    page.evaluate("window.neverReloaded = true")
    card = page.locator(f"#resource-{resources['5-axis mill 2']}")
    state = card.locator(".state")
    expect(state).not_to_have_css("background-color", RED)
    demo.plant.fault("mill-02")
    expect(state).to_have_css("background-color", RED, timeout=SHOWN_WITHIN_MS)
    expect(card).to_have_attribute("data-state", "down")
    demo.plant.clear("mill-02")
    expect(card).not_to_have_attribute("data-state", "down", timeout=SHOWN_WITHIN_MS)
    assert page.evaluate("window.neverReloaded") is True


def test_ctrl_c_leaves_no_process_behind(demo: DemoProcess) -> None:
    assert demo.stop() == 0, demo.said
    assert demo.left_behind() == []
