"""``python -m tests.fuzz``: everything of this folder, for long."""

import sys
from pathlib import Path

import pytest

from tests.fuzz import length


def main() -> int:
    length.LONG.append(True)
    folder = str(Path(__file__).parent)
    return int(pytest.main(["-q", "-s", "-p", "no:cacheprovider", "-o", "timeout=7200", folder]))


if __name__ == "__main__":
    sys.exit(main())
