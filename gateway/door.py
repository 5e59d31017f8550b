"""Runs one door's ``main``: at once, or already imported and waiting for the database to be ready.

Importing a door takes seconds, migrating takes seconds; ``nonagon up`` does both at the same time.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, cast

from gateway.importing import import_for_good

DOORS: Final = ("http", "ingest", "worker")
POLL_S: Final = 0.02


def load(name: str) -> Callable[[], None]:
    """The ``main`` of ``python -m gateway.NAME``."""
    module = import_for_good(f"gateway.{name}.__main__")
    return cast("Callable[[], None]", module.main)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m gateway.door", description=__doc__)
    parser.add_argument("name", choices=DOORS)
    parser.add_argument("--after", type=Path, help="import, then wait until this file exists")
    arguments = parser.parse_args()
    run = load(arguments.name)
    while arguments.after is not None and not arguments.after.exists():
        time.sleep(POLL_S)
    run()


if __name__ == "__main__":
    main()
