"""``nonagon prepare`` leaves what a first start finds, and nothing that runs."""

import subprocess
import sys
from pathlib import Path

import pytest

from services.runtime.embedded.lock import StateDirectoryLock
from services.runtime.embedded.postgres import EmbeddedPostgres
from services.runtime.schema_version import current_version, newest_version
from tests.support.platform import ROOT, processes_of, remove_outside

pytestmark = [pytest.mark.integration, pytest.mark.faults]


def prepare(state_dir: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "gateway.cli", "prepare"],
        cwd=ROOT,
        env={"NONAGON_STATE_DIR": str(state_dir), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_leaves_a_migrated_database_and_machines_to_simulate(folder: Path) -> None:
    state_dir = folder / "state"
    try:
        first, second = prepare(state_dir), prepare(state_dir)
        assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
        assert processes_of(state_dir) == []
        assert list((state_dir / "plant").iterdir())
        with EmbeddedPostgres(state_dir) as server:
            assert server.exists()
            assert current_version(server.database_url) == newest_version()
    finally:
        remove_outside(state_dir)


def test_leaves_a_running_platform_alone(folder: Path) -> None:
    state_dir = folder / "state"
    with StateDirectoryLock(state_dir):
        refused = prepare(state_dir)
    assert refused.returncode == 1
    assert str(state_dir) in refused.stderr
    assert not (state_dir / "postgres").exists()
