"""What the pipeline benchmark compares: each takes the same machines' values into PostgreSQL."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Protocol

import psycopg
from psycopg.sql import SQL, Composed, Identifier

from edge.config import (
    BrokerConfig,
    EdgeConfig,
    EndpointConfig,
    GatewayConfig,
    JournalConfig,
    MachineConfig,
    SecurityPolicy,
    dump_config,
)
from edge.journal import journal_summary
from services.capacity import handlers as capacity
from services.capacity.domain import CapacityRule, Visibility
from services.contracts.telemetry import Signal
from services.identity import handlers as identity
from services.identity.domain import OrganisationKind
from services.runtime.clock import SystemClock
from services.runtime.db import engine_for, sessions_for, transaction
from services.runtime.settings import child_environment

ROOT: Final = Path(__file__).resolve().parents[2]
READY_WITHIN_S: Final = 60.0
STOP_WITHIN_S: Final = 10.0
Machines = list[dict[str, str]]


class Contender(Protocol):
    """Started once per round; ``rows`` finds what it stored."""

    name: str

    def start(self, database_url: str, machines: Machines) -> None: ...

    def stop(self) -> None: ...

    def rows(self) -> Composed:
        """A query giving device, value, source_at and the row's xmin, in stored order."""


class Direct:
    """A script between OPC UA and PostgreSQL; ``mode`` is ``insert`` or ``copy``."""

    def __init__(self, mode: str) -> None:
        self.name = f"direct-{mode}"
        self._mode = mode
        self._process: subprocess.Popen[str] | None = None

    def start(self, database_url: str, machines: Machines) -> None:
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute("DROP TABLE IF EXISTS direct")
            connection.execute(
                "CREATE TABLE direct (device text, value float8, source_at timestamptz)"
            )
        arguments = [self._mode, database_url, json.dumps(machines)]
        self._process = spawn("tests.perf.direct", *arguments)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n", "the direct script did not start"

    def stop(self) -> None:
        if self._process is not None:
            self._process.communicate("stop\n", timeout=STOP_WITHIN_S)

    def rows(self) -> Composed:
        return SQL("SELECT device, value, source_at, xmin FROM {}").format(Identifier("direct"))


class Nonagon:
    """Edge agent with its journal, NATS, ingest with receipts."""

    name = "nonagon"

    def __init__(self, *, nats_url: str, mqtt_url: str, folder: Path) -> None:
        self._urls = {"nats_url": nats_url, "mqtt_url": mqtt_url}
        self._folder = folder
        self._rounds = 0
        self._processes: list[subprocess.Popen[str]] = []

    @property
    def journal(self) -> Path:
        return self._folder / f"round-{self._rounds}" / "journal.db"

    def start(self, database_url: str, machines: Machines) -> None:
        self._rounds += 1
        self.journal.parent.mkdir(parents=True)
        node = f"gw-{self._rounds}"
        self._register(database_url, machines, node)
        environment = child_environment(
            database_url=database_url, log_level="WARNING", **self._urls
        )
        self._processes = [spawn("gateway.ingest", environment=environment)]
        config = self._folder / f"round-{self._rounds}" / "edge.yaml"
        config.write_text(dump_config(self._config(machines, node)))
        self._processes.append(spawn("edge", "run", str(config)))
        self._await_first_values(len(machines))

    def stop(self) -> None:
        for process in reversed(self._processes):
            process.terminate()
            process.communicate(timeout=STOP_WITHIN_S)

    def rows(self) -> Composed:
        return SQL(
            "SELECT device, value_number, source_at, observation.xmin FROM observation"
            " JOIN twin USING (resource_id) WHERE signal = {} AND value_number > 0"
            " ORDER BY observation.journal_offset"
        ).format(Signal.PARTS.value)

    def _config(self, machines: Machines, node: str) -> EdgeConfig:
        return EdgeConfig(
            schema_version=1,
            gateway=GatewayConfig(group="bench", edge_node=node),
            broker=BrokerConfig(url=self._urls["mqtt_url"], anonymous=True, retry_max_s=1),
            journal=JournalConfig(path=self.journal),
            machines=[
                MachineConfig(
                    device=machine["device"],
                    machine=machine["machine"],
                    endpoint=EndpointConfig(
                        url=machine["url"],
                        security=SecurityPolicy.AES256_SHA256_RSA_PSS,
                        trust=[machine["certificate"]],
                    ),
                    publish_ms=100,
                    sampling_ms=0,
                )
                for machine in machines
            ],
        )

    def _register(self, database_url: str, machines: Machines, node: str) -> None:
        clock = SystemClock()
        engine = engine_for(database_url, pool_max=1, application="bench")
        with transaction(sessions_for(engine)) as session:
            firm = identity.create_organisation(
                session=session,
                clock=clock,
                name="Bench",
                name_zh="基准",
                kind=OrganisationKind.FIRM,
            )
            site = identity.create_site(
                session=session,
                clock=clock,
                organisation_id=firm.id,
                code="bench",
                name="Bench",
                name_zh="基准",
                region_code="420111",
                park=None,
                lat=30.5,
                lon=114.4,
            )
            gateway = identity.create_gateway(
                session=session,
                clock=clock,
                organisation_id=firm.id,
                site_id=site.id,
                edge_node=node,
            )
            for machine in machines:
                resource = capacity.register_resource(
                    session=session,
                    clock=clock,
                    organisation_id=firm.id,
                    site_id=site.id,
                    kind="machine",
                    name=machine["machine"],
                    name_zh=machine["machine"],
                    timezone="Asia/Shanghai",
                    units=1,
                    rule=CapacityRule(),
                    capabilities=[],
                    calendar_ics=None,
                    visibility=Visibility.PUBLIC,
                    catalogue=_AnyCatalogue(),
                )
                capacity.bind_twin(
                    session=session,
                    clock=clock,
                    organisation_id=firm.id,
                    resource_id=resource.id,
                    gateway_id=gateway.id,
                    device=machine["device"],
                )
        engine.dispose()

    def _await_first_values(self, machines: int) -> None:
        deadline = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < deadline:
            if self.journal.exists():
                summary = journal_summary(self.journal)
                if summary.made >= machines and summary.waiting == 0:
                    time.sleep(1)
                    return
            time.sleep(0.1)
        raise TimeoutError(f"no receipts for the first values of {machines} machines")


class _AnyCatalogue:
    """The benchmark's resources declare nothing, so no code is ever asked for."""

    def knows_process(self, code: str) -> bool:
        return bool(code)

    def knows_material(self, code: str) -> bool:
        return bool(code)

    def knows_certificate(self, kind: str) -> bool:
        return bool(kind)


def spawn(
    module: str, *arguments: str, environment: Mapping[str, str] | None = None
) -> "subprocess.Popen[str]":
    """A child that talks in lines on standard input and output; its errors are ours to see."""
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env=dict(environment or os.environ),  # noqa: TID251 - handed on as it is
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL if module == "edge" else None,
        text=True,
    )


def order(source: "subprocess.Popen[str]", **what: Any) -> dict[str, Any]:
    """Send the source one order and wait for its answer."""
    assert source.stdin is not None
    assert source.stdout is not None
    source.stdin.write(json.dumps(what) + "\n")
    source.stdin.flush()
    answer: dict[str, Any] = json.loads(source.stdout.readline())
    return answer
