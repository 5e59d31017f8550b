"""The agent runs on a factory gateway: nothing of the server may be needed there."""

import subprocess
import sys

BLOCKED = [
    "alembic",
    "fastapi",
    "gateway",
    "marketplace",
    "nats",
    "psycopg",
    "search",
    "services.runtime",
    "sqlalchemy",
    "sqlmodel",
]
PROGRAM = """
import sys
for name in {blocked!r}:
    sys.modules[name] = None
import edge.cli
light = "asyncua" not in sys.modules
import edge.drivers.opcua
print(light, sorted(name for name in sys.modules if name.split(".")[0] == "services"))
"""


def test_edge_imports_only_the_contracts_and_the_cli_stays_light() -> None:
    program = PROGRAM.format(blocked=BLOCKED)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    light, _, modules = done.stdout.strip().partition(" ")
    assert light == "True"
    for name in modules.strip("[]").replace("'", "").split(", "):
        assert name in {"services", "services.runtime"} or name.startswith("services.contracts")
