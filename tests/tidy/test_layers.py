"""The layer contracts hold, and breaking one on purpose is found."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("services", "gateway", "edge", "marketplace", "search")
BREACHES = {
    "a domain reads the database": ("services/capacity/domain/gaps.py", "import sqlmodel"),
    "upstream imports downstream": ("services/capacity/store/slots.py", "import services.booking"),
    "edge reaches into the platform": ("edge/journal.py", "import services.runtime.clock"),
    "a table leaves its context": (
        "services/booking/handlers.py",
        "import services.capacity.tables",
    ),
    "a handler imports its route": (
        "services/booking/handlers.py",
        "import services.booking.routes",
    ),
    "a folder outside the flow": ("services/leftovers/__init__.py", ""),
    "ingest calls business code": (
        "gateway/ingest/__main__.py",
        "import services.booking.handlers",
    ),
    "the plant knows the platform": ("gateway/plant/__main__.py", "import services.runtime.db"),
}


def lint_imports(tree: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=tree,
        env={"PYTHONPATH": str(tree), "PATH": "", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package,
            tmp_path / package,
            ignore=shutil.ignore_patterns("__pycache__", "node_modules", "static"),
        )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_contracts_hold(tree: Path) -> None:
    finished = lint_imports(tree)
    assert finished.returncode == 0, finished.stdout


@pytest.mark.parametrize("breach", BREACHES)
def test_breach_is_found(tree: Path, breach: str) -> None:
    file, line = BREACHES[breach]
    target = tree / file
    target.parent.mkdir(exist_ok=True)
    old = target.read_text() if target.exists() else '"""A stray package."""\n'
    target.write_text(f"{old}\n{line}\n")
    finished = lint_imports(tree)
    assert finished.returncode == 1, finished.stdout + finished.stderr
    assert "BROKEN" in finished.stdout
