"""``python -m tests.fuzz.guided TARGET FOLDER -runs=N``: led by coverage, by atheris."""

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(
    include=["services.contracts.sparkplug", "gateway.ingest", "services.risk", "services.capacity"]
):
    from tests.fuzz.corpus import CORPUS
    from tests.fuzz.targets import TARGETS


def main() -> None:
    name, folder = sys.argv[1], Path(sys.argv[2])
    for place, data in enumerate(CORPUS[name]):
        (folder / f"seed-{place}").write_bytes(data)
    atheris.Setup([sys.argv[0], str(folder), *sys.argv[3:]], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
