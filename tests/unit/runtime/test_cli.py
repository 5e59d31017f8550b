"""The command line stays light and says what went wrong."""

import subprocess
import sys

HEAVY = ("fastapi", "asyncua", "sqlalchemy", "alembic", "psycopg", "uvicorn")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    probe = (
        "import sys\n"
        "from gateway.cli import main\n"
        "try:\n    main()\n"
        "finally:\n"
        f"    print('LOADED', *[name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    return subprocess.run(
        [sys.executable, "-c", probe, *arguments], capture_output=True, text=True, check=False
    )


def test_version_imports_nothing_heavy() -> None:
    done = run("version")
    assert done.stdout.splitlines()[0].startswith("nonagon ")
    assert done.stdout.splitlines()[-1] == "LOADED"


def test_help_lists_commands_without_importing_them() -> None:
    done = run("--help")
    assert all(name in done.stdout for name in ("up", "run", "doctor", "edge", "plant"))
    assert done.stdout.splitlines()[-1] == "LOADED"


def test_an_unknown_command_is_refused() -> None:
    done = run("vesion")
    assert done.returncode == 2
    assert "vesion" in done.stderr
