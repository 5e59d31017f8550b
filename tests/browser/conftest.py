"""Fixtures of the browser tests."""

from collections.abc import Iterator

import pytest

from gateway.portal.build import build
from tests.browser.park import sample_park
from tests.support.browser import PageServer, browser, page

__all__ = ["browser", "page", "pages"]


@pytest.fixture(scope="session", autouse=True)
def _assets() -> None:
    build()


@pytest.fixture
def pages() -> Iterator[PageServer]:
    """The portal serving the sample park."""
    server = PageServer(sample_park())
    yield server
    server.stop()
