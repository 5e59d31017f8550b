"""The embedded PostgreSQL: where it lies, who runs it, what it refuses."""

import os
import shutil
import socket
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from services.runtime.embedded import placement
from services.runtime.embedded.account import Account
from services.runtime.embedded.placement import OUT_OF_CHECKOUT, out_of_checkout, place
from services.runtime.embedded.ports import PortInUseError
from services.runtime.embedded.postgres import EmbeddedPostgres, InitdbFailedError
from tests.support.platform import remove_outside
from tests.support.servers import FORGETFUL

pytestmark = pytest.mark.integration

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root drops to another account")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A 0700 folder, as a checkout below a private home is."""
    path = Path(tempfile.mkdtemp(prefix="nonagon-test-"))
    yield path
    remove_outside(path)
    shutil.rmtree(path)


def setting(server: EmbeddedPostgres, name: str) -> str:
    with psycopg.connect(server.database_url) as connection:
        row = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
    assert row is not None
    return str(row[0])


class TestServer:
    def test_is_durable_checked_and_timed(self, folder: Path) -> None:
        with EmbeddedPostgres(folder) as server:
            found = {
                name: setting(server, name)
                for name in ("fsync", "data_checksums", "track_commit_timestamp", "TimeZone")
            }
        assert found == {
            "fsync": "on",
            "data_checksums": "on",
            "track_commit_timestamp": "on",
            "TimeZone": "UTC",
        }

    def test_asks_for_the_password_it_keeps_to_itself(self, folder: Path) -> None:
        with EmbeddedPostgres(folder, options=FORGETFUL) as server:
            wrong = server.database_url.replace(":", ":x", 2).replace(":x//", "://")
            with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
                psycopg.connect(wrong)
        kept = folder / "postgres" / "password"
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600

    def test_a_port_asked_for_and_taken_is_refused(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            with pytest.raises(PortInUseError, match=f"Port {port} for postgres"):
                EmbeddedPostgres(folder, port=port).start()

    def test_says_what_initdb_said(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        server = EmbeddedPostgres(folder)
        server.prepare()
        monkeypatch.setattr("services.runtime.embedded.postgres.ROLE", "pg_reserved")
        with pytest.raises(InitdbFailedError, match="pg_"):
            server.spawn()
        assert not (server.placement.home / "password.once").exists()


@as_root
class TestPlacement:
    def test_stays_in_the_checkout_when_the_account_can_pass(self, folder: Path) -> None:
        folder.chmod(0o711)
        assert place(folder).home == folder / "postgres" / "home"

    def test_leaves_a_private_checkout_and_opens_nothing(self, folder: Path) -> None:
        placed = place(folder)
        assert placed.home.parent == OUT_OF_CHECKOUT
        assert placed.account is not None
        assert placed.home.stat().st_uid == placed.account.uid != 0
        assert stat.S_IMODE(placed.home.stat().st_mode) == 0o700
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700

    def test_stays_where_it_is_once_chosen(self, folder: Path) -> None:
        outside = place(folder).home
        folder.chmod(0o755)
        assert place(folder).home == outside

    def test_takes_the_data_along_when_the_checkout_becomes_private(self, folder: Path) -> None:
        folder.chmod(0o711)
        (place(folder).home / "data").mkdir()
        folder.chmod(0o700)
        moved = place(folder)
        assert moved.home.parent == OUT_OF_CHECKOUT
        assert moved.data.is_dir()

    def test_a_copied_checkout_has_data_of_its_own(self, folder: Path) -> None:
        original, copied = folder / "original", folder / "copied"
        place(original)
        shutil.copytree(original, copied)
        try:
            assert place(copied).home != place(original).home
        finally:
            remove_outside(original)
            remove_outside(copied)

    def test_a_deleted_state_directory_starts_afresh(self, folder: Path) -> None:
        before = place(folder).home
        remove_outside(folder)
        shutil.rmtree(folder / "postgres")
        assert out_of_checkout_again(folder) != before

    def test_programs_out_of_reach_are_copied_and_run(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hidden = folder / "wheel"
        installed = placement.installed_programs()
        for part in (placement.PROGRAMS, placement.LIBRARIES):
            shutil.copytree(installed.parents[1] / part, hidden / part, symlinks=True)
        monkeypatch.setattr(placement, "installed_programs", lambda: hidden / placement.PROGRAMS)
        with EmbeddedPostgres(folder / "state", options=FORGETFUL) as server:
            try:
                assert server.placement.programs.is_relative_to(server.placement.home)
                assert setting(server, "server_version").startswith("18.")
            finally:
                server.stop()
                remove_outside(folder / "state")


def out_of_checkout_again(folder: Path) -> Path:
    (folder / "postgres").mkdir()
    return out_of_checkout(folder / "postgres")


class TestAccount:
    def test_reach_depends_on_owner_group_and_others(self, folder: Path) -> None:
        stranger = Account(uid=54_321, gid=54_321)
        assert not stranger.can_pass(folder)
        folder.chmod(0o711)
        assert stranger.can_pass(folder)
        inner = folder / "inner"
        inner.mkdir(mode=0o700)
        assert not stranger.can_pass(inner)
