"""Rendering needs the bundle and the compiled texts."""

import pytest

from gateway.portal.build import build


@pytest.fixture(scope="session", autouse=True)
def _assets() -> None:
    build()
