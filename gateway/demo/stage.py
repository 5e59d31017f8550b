"""Everything the demo runs: the platform, the plant, one edge agent per gateway."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import psutil

from edge.config import dump_config
from gateway.demo.park import REPLAY_KEY, DemoPark, GatewayEntry, edge_config, plant_park
from gateway.endpoints import Readiness, readiness_path, write_private
from gateway.importing import import_for_good
from gateway.plant.control import PlantControl
from gateway.supervisor import Supervisor
from gateway.up import PACKAGES_ROOT, Platform
from services.runtime.embedded.process import Launch, OwnedProcess
from services.runtime.settings import Settings, child_environment

PLANT_READY_WITHIN_S: Final = 30.0
AGENTS_STOP_WITHIN_S: Final = 4.0
BACK_WITHIN_S: Final = 30.0
PLANT: Final = "plant"
COMMON_TO_MACHINES: Final = ("gateway.plant.cli", "edge.drivers.opcua", "edge.cli")
"""What the plant and the agents are made of."""


class Stage:
    """The demo's processes; all gone after :meth:`stop`.

    Args:
        settings: of the platform; its state directory keeps the demo's files too.
        platform: not yet started.
        park: what is simulated.
        speed: machine seconds per second.
        steady: machines neither fail nor need maintenance by themselves.
        recording: what the replaying machine plays, as fast as it may.
    """

    def __init__(
        self,
        settings: Settings,
        platform: Platform,
        park: DemoPark,
        *,
        speed: float,
        steady: bool,
        recording: Path | None = None,
    ) -> None:
        self.platform = platform
        self.park = park
        self._state = settings.state_path
        self._folder = self._state / "demo"
        self._speed = speed
        self._steady = steady
        self._recording = recording
        self._supervisor = Supervisor(on_restart=lambda: None)

    @property
    def http_url(self) -> str:
        return self.platform.endpoints.http_url

    @property
    def database_url(self) -> str:
        return self.platform.endpoints.database_url

    @property
    def plant_file(self) -> Path:
        return self._state / "run" / "plant.json"

    def control(self) -> PlantControl:
        return PlantControl.of_endpoints(self.plant_file)

    def begin(self) -> None:
        """Start every process: the plant, the agents' imports, the platform."""
        self.platform.begin()  # first: from here on the state directory is ours
        with self._stopped_on_error():
            self._folder.mkdir(parents=True, exist_ok=True)
            self._supervisor.start()
            plant = self._plant()
            plant.end_predecessor()
            self.plant_file.unlink(missing_ok=True)
            if self.platform.by_copies:
                for module in COMMON_TO_MACHINES:
                    import_for_good(module)
            self._begin(plant)
            for gateway in self.park.gateways:
                self._prepare_agent(gateway)

    def finish(self) -> None:
        """Return when the platform answers and the agents run; they wait for their credentials."""
        with ThreadPoolExecutor(1) as pool, self._stopped_on_error():
            agents = pool.submit(self._run_agents)
            self.platform.finish(matching=False)
            agents.result()

    def _run_agents(self) -> None:
        """Write each gateway's configuration, which its agent waits for, once it has machines."""
        plant = self._supervisor.process(PLANT)
        plant.await_ready(self.plant_file.exists, within_s=PLANT_READY_WITHIN_S)
        endpoints = json.loads(self.plant_file.read_text())
        for gateway in self.park.gateways:
            config = edge_config(
                self.park,
                gateway,
                broker_url=self.platform.endpoints.mqtt_url,
                credential=self.credential_path(gateway),
                plant_endpoints=endpoints,
                journal=self.journal_path(gateway),
            )
            path = self._config_path(gateway)
            unfinished = path.with_suffix(".unfinished")
            unfinished.write_text(dump_config(config), encoding="utf-8")
            unfinished.replace(path)

    @contextmanager
    def _stopped_on_error(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.stop()
            raise

    def note_ready(self) -> Readiness:
        """Record that the park is live as the moment the demo was ready; the matcher may begin."""
        self.platform.begin_matching()
        readiness = self.platform.readiness
        steps = readiness.steps | {"park": readiness.seconds}
        readiness = readiness.model_copy(update={"steps": steps})
        write_private(readiness_path(self._state), readiness)
        return readiness

    def journal_path(self, gateway: GatewayEntry) -> Path:
        return self._folder / f"{gateway.edge_node}.db"

    def credential_path(self, gateway: GatewayEntry) -> Path:
        return self._folder / f"{gateway.edge_node}.credential.json"

    def kill_agent(self, gateway: GatewayEntry) -> int:
        """End an agent with SIGKILL; the supervisor starts it again. Returns the killed pid."""
        pid = self._supervisor.pids()[gateway.edge_node]
        psutil.Process(pid).kill()
        return pid

    def await_agent_again(self, gateway: GatewayEntry, *, after_pid: int) -> int:
        """The pid of the agent that replaced ``after_pid``.

        Raises:
            TimeoutError: it did not come back.
        """
        return _await_other_pid(
            lambda: self._supervisor.pids().get(gateway.edge_node), after_pid=after_pid
        )

    def stop(self) -> None:
        agents = tuple(gateway.edge_node for gateway in self.park.gateways)
        self._supervisor.stop([agents, (PLANT,)], grace_s=AGENTS_STOP_WITHIN_S)
        self.platform.stop()
        self.plant_file.unlink(missing_ok=True)

    def _begin(self, process: OwnedProcess) -> None:
        process.rotate_log()
        first = process.fork if self.platform.by_copies else None
        self._supervisor.start_member(process, first=first).result()

    def _plant(self) -> OwnedProcess:
        park_file = self._folder / "plant.yaml"
        park = plant_park(self.park, steady=self._steady)
        park_file.write_text(park.model_dump_json(), encoding="utf-8")
        arguments = ["--park", str(park_file), "--endpoints-file", str(self.plant_file)]
        arguments += ["--speed", str(self._speed), "--state-dir", str(self._state)]
        if self._recording is not None:
            arguments += ["--replay", str(self._recording), "--replay-device", REPLAY_KEY]
            arguments += ["--replay-speed", "0"]
        return self._own(PLANT, "gateway.plant.__main__", *arguments)

    def _agent(self, gateway: GatewayEntry) -> OwnedProcess:
        return self._own(gateway.edge_node, "gateway.demo.agent", str(self._config_path(gateway)))

    def _prepare_agent(self, gateway: GatewayEntry) -> None:
        self._config_path(gateway).unlink(missing_ok=True)
        agent = self._agent(gateway)
        agent.end_predecessor()
        self._begin(agent)

    def _config_path(self, gateway: GatewayEntry) -> Path:
        return self._folder / f"{gateway.edge_node}.yaml"

    def _own(self, name: str, module: str, *arguments: str) -> OwnedProcess:
        launch = Launch(
            name=name,
            argv=(sys.executable, "-m", module, *arguments),
            environment=child_environment(),
            directory=PACKAGES_ROOT,
        )
        return OwnedProcess(launch, state_dir=self._state)

    def __enter__(self) -> Self:
        self.begin()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def _await_other_pid(pid_now: Callable[[], int | None], *, after_pid: int) -> int:
    deadline = time.monotonic() + BACK_WITHIN_S
    while (pid := pid_now()) in {None, after_pid}:
        if time.monotonic() > deadline:
            raise TimeoutError(f"process {after_pid} was not replaced")
        time.sleep(0.02)
    assert pid is not None
    return pid
