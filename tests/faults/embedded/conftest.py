"""Platforms to start, fail and end, in folders that are gone afterwards."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.platform import PlatformProcess

Starter = Callable[..., PlatformProcess]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A 0700 folder outside pytest's own, gone afterwards."""
    path = Path(tempfile.mkdtemp(prefix="nonagon-test-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture
def start(folder: Path) -> Iterator[Starter]:
    started: list[PlatformProcess] = []

    def starter(name: str = "state", **options: Any) -> PlatformProcess:
        platform = PlatformProcess(folder / name, **options)
        started.append(platform)
        return platform

    yield starter
    for platform in reversed(started):  # a successor runs in the folder of the one it replaced
        platform.end()
