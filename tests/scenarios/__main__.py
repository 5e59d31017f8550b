"""``python -m tests.scenarios``: every scenario alone; the last line says how many passed.

A scenario is a story in YAML, or a module ``test_a_*.py`` that tells one in Python. It has passed
when everything that plays it has; one that nothing plays has not.
"""

import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

FOLDER: Final = Path(__file__).parent
NO_STORY: Final = frozenset({FOLDER / "tenth_direction" / "10-circular.yaml"})
"""A direction that one is about."""


def stories() -> Iterator[Path]:
    """Every scenario there is."""
    yield from (path for path in sorted(FOLDER.rglob("*.yaml")) if path not in NO_STORY)
    yield from sorted(FOLDER.glob("test_a_*.py"))


class Tally:
    """Which scenarios were played, and how their tests went; a plugin of pytest."""

    def __init__(self) -> None:
        self._of_test: dict[str, Path] = {}
        self._passed: dict[Path, list[bool]] = defaultdict(list)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            called = getattr(item, "callspec", None)
            told = [] if called is None else called.params.values()
            story = next((one for one in told if isinstance(one, Path)), item.path)
            self._of_test[item.nodeid] = story

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or not report.passed:
            self._passed[self._of_test[report.nodeid]].append(report.passed)

    def failed(self) -> list[Path]:
        """Scenarios that failed, or that nothing played."""
        return [path for path in stories() if not all(self._passed.get(path, [False]))]


def main() -> int:
    """pytest's exit code; a scenario that was not played has failed."""
    tally = Tally()
    code = int(pytest.main(["-q", "-p", "no:cacheprovider", str(FOLDER)], plugins=[tally]))
    failed, told = tally.failed(), list(stories())
    for path in failed:
        sys.stdout.write(f"failed: {path.relative_to(FOLDER)}\n")
    sys.stdout.write(f"scenarios={len(told)} passed={len(told) - len(failed)}\n")
    return code or int(bool(failed) or not told)


if __name__ == "__main__":
    sys.exit(main())
