"""Make the virtual environment: hash-checked packages of one lock, then this project, editable.

Runs on a bare Python 3.11 with pip: neither ensurepip nor the venv package's seed is needed.
"""

import argparse
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON_FLOOR = (3, 11)
PACKAGES = ("services", "gateway", "edge", "marketplace", "search")


def main() -> int:
    """Install, then touch the stamp make looks at; the exit code is pip's."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--venv", type=Path, required=True)
    parser.add_argument("--lock", type=Path, required=True)
    parser.add_argument("--stamp", type=Path, required=True)
    options = parser.parse_args()
    if sys.version_info < PYTHON_FLOOR:
        found = ".".join(map(str, sys.version_info[:3]))
        print(f"Nonagon needs Python 3.11 or newer, this is {found}; set PYTHON=python3.11")
        return 2
    interpreter = options.venv / "bin" / "python"
    if not interpreter.exists():
        run(sys.executable, "-m", "venv", "--without-pip", str(options.venv))
    packages = sum(1 for line in options.lock.read_text().splitlines() if "==" in line)
    print(
        f"Installing up to {packages} packages from {options.lock} into {options.venv} …",
        flush=True,
    )
    pip = [sys.executable, "-m", "pip", "--python", str(interpreter), "--disable-pip-version-check"]
    flags = ["install", "--quiet", "--no-deps", "--root-user-action=ignore"]
    run(*pip, *flags, "--require-hashes", "-r", str(options.lock))
    run(*pip, *flags, "--no-build-isolation", "--editable", str(ROOT))
    ours = [str(ROOT / package) for package in PACKAGES]
    run(str(interpreter), "-m", "compileall", "-q", *ours)  # a start must not pay for it
    options.stamp.touch()
    return 0


def run(*command: str) -> None:
    """Run ``command``; a failure ends this program with the same exit code."""
    finished = subprocess.run(command, check=False)  # noqa: S603 - fixed commands
    if finished.returncode:
        sys.exit(finished.returncode)


if __name__ == "__main__":
    sys.exit(main())
