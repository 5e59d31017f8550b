"""Recorded machine data, which is not part of the repository."""

import os
from pathlib import Path

import pytest

_DEFAULT = Path(__file__).resolve().parents[2].parent / "shared" / "data"


def recording(name: str) -> Path:
    """The recorded day file ``name``; skips the test, saying why, where it is absent."""
    folder = Path(os.environ.get("NONAGON_RECORDED_DATA", _DEFAULT))  # noqa: TID251 - a test's setting
    path = folder / "nist-sms" / name
    if not path.is_file():
        pytest.skip(f"{path} is absent; NONAGON_RECORDED_DATA names the folder of recordings")
    return path
