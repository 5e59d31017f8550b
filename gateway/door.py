"""Runs one door's ``main``: at once, or already imported and waiting for the database to be ready.

Importing a door takes seconds, migrating takes seconds; ``nonagon up`` does both at the same time.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, cast

from gateway.importing import import_for_good

DOORS: Final = ("http", "ingest", "worker", "matcher")
POLL_S: Final = 0.02


def load(name: str) -> Callable[..., None]:
    """The ``main`` of ``python -m gateway.NAME``."""
    module = import_for_good(f"gateway.{name}.__main__")
    return cast("Callable[..., None]", module.main)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m gateway.door", description=__doc__)
    parser.add_argument("name", choices=DOORS)
    parser.add_argument("--after", type=Path, help="import, then wait until this file exists")
    parser.add_argument(
        "--import-after", type=Path, help="wait until this file exists, then import"
    )
    arguments = parser.parse_args()
    _await(arguments.import_after)
    run = load(arguments.name)
    _await(arguments.after)
    run()


def _await(gate: Path | None) -> None:
    while gate is not None and not gate.exists():
        time.sleep(POLL_S)


if __name__ == "__main__":
    main()
