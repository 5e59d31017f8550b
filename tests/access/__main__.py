"""``python -m tests.access``: the probes alone; the last line says how many and how many failed."""

import sys
from pathlib import Path

import pytest

from tests.access import tally


def main() -> int:
    """pytest's exit code; a run without a probe has failed."""
    tally.EVERY.append(True)
    code = int(pytest.main(["-q", "-p", "no:cacheprovider", str(Path(__file__).parent)]))
    sys.stdout.write(f"{tally.line()}\n")
    return code or int(not tally.PROBES or bool(tally.WRONG))


if __name__ == "__main__":
    sys.exit(main())
