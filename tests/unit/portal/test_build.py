"""Building the assets."""

import shutil
from pathlib import Path

import pytest

from gateway.portal.build import PORTAL, STATIC, BuildError, build

SOURCES = ("package.json", "package-lock.json", ".npmrc", "bundle.mjs")
FIRST_VISIT_MAX = 300 * 1024


@pytest.fixture
def portal(tmp_path: Path) -> Path:
    """A copy of the portal's sources in which nothing was built."""
    for name in SOURCES:
        shutil.copy(PORTAL / name, tmp_path / name)
    for tree in ("assets", "translations"):
        shutil.copytree(PORTAL / tree, tmp_path / tree, ignore=shutil.ignore_patterns("*.mo"))
    return tmp_path


class TestASecondBuild:
    def test_does_nothing(self) -> None:
        build()
        assert build() is False

    def test_is_made_when_a_source_changed(self, portal: Path) -> None:
        (portal / "node_modules").symlink_to(PORTAL / "node_modules")
        assert build(portal) is True
        assert build(portal) is False
        (portal / "assets" / "app.css").write_text("body { color: red }")
        assert build(portal) is True
        (style,) = (portal / "static").glob("app-*.css")
        assert style.read_text().startswith("body{color:red}")


class TestAnUnreachableRegistry:
    def test_is_named_with_what_to_do(self, portal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
        monkeypatch.setenv("npm_config_cache", str(portal / "cache"))
        with pytest.raises(BuildError, match="npm registry cannot be reached"):
            build(portal)
        assert not (portal / "static").exists()


class TestWhatIsBuilt:
    def test_a_first_visit_stays_small(self) -> None:
        build()
        compressed = sum(path.stat().st_size for path in STATIC.glob("*.br"))
        assert compressed < FIRST_VISIT_MAX - 32 * 1024  # the page itself takes the rest

    def test_the_lock_names_no_host(self) -> None:
        lock = (PORTAL / "package-lock.json").read_text()
        assert '"resolved"' not in lock
        assert lock.count('"integrity"') == lock.count('"version"')
