"""``make audit-dependencies``: known flaws of everything in the development lock, by pip-audit.

Exits 0 when every package was looked up and none has a known flaw, 1 when one has or could not be
looked up, and 3, saying so, when there is nowhere to look: that is never a pass.
"""

import subprocess
import sys
from pathlib import Path

LOCK = Path(__file__).parents[1] / "requirements-dev.lock"
TIMEOUT_S = 600
SILENT = ("Dependency not found on PyPI", "ConnectionError", "ServiceError", "timed out")
"""What pip-audit says when the index carries no advisories, or cannot be reached.

Every package of the lock was installed from the index, so one the index does not know stands for an
index without advisories, not for an unknown package.
"""
FOUND, UNREACHABLE = 1, 3


def main() -> int:
    command = [
        sys.executable, "-m", "pip_audit", "--strict", "--disable-pip", "--require-hashes",
        "--progress-spinner", "off", "--requirement", str(LOCK),
    ]  # fmt: skip
    try:
        done = subprocess.run(  # noqa: S603 - our own command
            command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return unreachable()
    if done.returncode == 0:
        count = sum("==" in line for line in LOCK.read_text(encoding="utf-8").splitlines())
        print(f"audited {count} of {count} packages: no known flaw")
        return 0
    if any(sign in done.stderr for sign in SILENT):
        return unreachable()
    print(done.stdout, done.stderr, sep="\n")
    return FOUND


def unreachable() -> int:
    print("not run: advisories unreachable")
    return UNREACHABLE


if __name__ == "__main__":
    sys.exit(main())
