"""``nonagon up``: embedded servers, migrations and doors as one supervised platform."""

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import FrameType, TracebackType
from typing import ClassVar, Final, Self

import psutil
from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from gateway.door import DOORS
from gateway.endpoints import (
    Endpoints,
    Readiness,
    endpoints_path,
    readiness_path,
    write_private,
)
from gateway.importing import import_for_good
from gateway.log_follower import LogFollower
from gateway.readiness import answers, process_began
from gateway.supervisor import Supervisor
from services.contracts.confidentiality import redact_text
from services.contracts.errors import DomainError, ErrorKind
from services.runtime.clock import Clock, SystemClock
from services.runtime.database_roles import APP, WORKER
from services.runtime.embedded.lock import StateDirectoryLock
from services.runtime.embedded.nats import EmbeddedNats, MqttTls
from services.runtime.embedded.ports import LOOPBACK, PortBook
from services.runtime.embedded.postgres import EmbeddedPostgres
from services.runtime.embedded.process import Launch, OwnedProcess
from services.runtime.logging import configure_logging
from services.runtime.mqtt_tls import BROKER, CA, certificate_of, key_of
from services.runtime.schema_version import current_version, newest_version
from services.runtime.settings import Settings, child_environment

PACKAGES_ROOT: Final = Path(__file__).resolve().parents[1]
HTTP_READY_WITHIN_S: Final = 30.0
MIGRATED_WITHIN_S: Final = 120.0
DOORS_STOP_WITHIN_S: Final = 2.0
SERVERS_STOP_WITHIN_S: Final = 1.5
ANY_ADDRESS: Final = "0.0.0.0"  # noqa: S104 - compared with, not bound
RUNNING_AGAIN_WITHIN_S: Final = 30.0
DOOR_COMMAND: Final = (sys.executable, "-m", "gateway.door")
COMMON_TO_DOORS: Final = ("gateway.worker.__main__", "gateway.ingest.__main__")
"""What a door imports most of its own from; importing it once is half the work of starting."""


class BrokerHalfConfiguredError(DomainError):
    code: ClassVar[str] = "broker-half-configured"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = (
        "NONAGON_NATS_URL and NONAGON_MQTT_URL are two doors of one broker, but only {given} is "
        "set; set both, or neither for the embedded broker."
    )
    zh: ClassVar[str] = (
        "NONAGON_NATS_URL 与 NONAGON_MQTT_URL 是同一消息服务器的两个入口，目前只设置了 {given}；"
        "请同时设置，或都不设置以使用内置服务器。"
    )


class MqttInTheClearError(DomainError):
    code: ClassVar[str] = "mqtt-in-the-clear"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = (
        "NONAGON_MQTT_HOST={host} would take gateways' secrets in the clear over the network; make"
        " certificates by `nonagon ca init` and name their folder in NONAGON_MQTT_TLS."
    )
    zh: ClassVar[str] = (
        "NONAGON_MQTT_HOST={host} 将使网关密钥在网络上明文传输；请用 `nonagon ca init` 生成证书，"
        "并在 NONAGON_MQTT_TLS 中指定其目录。"
    )


class Platform:
    """A whole platform on one machine; ready when :meth:`start` returns, gone after :meth:`stop`.

    Every process is a descendant of this one. What dies is started again on the same ports.

    Args:
        settings: a server URL in it switches that embedded server off.
        clock: stamps ``started_at``.
        door_command: what runs a door, given its name and ``--after FILE``.
        started_at: since when time to ready is counted; now if not given.
        by_copies: doors begin as copies of this process, which has no threads of its own; one
            that died is started as a program.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock,
        door_command: Sequence[str] = DOOR_COMMAND,
        started_at: datetime | None = None,
        by_copies: bool = False,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._door_command = door_command
        self._started_at = started_at or clock.now()
        self.by_copies = by_copies and sys.platform == "linux"
        self._state_dir = settings.state_path
        self._gate = self._state_dir / "run" / "migrated"
        self._open = self._state_dir / "run" / "open"
        self._lock = StateDirectoryLock(self._state_dir)
        self._supervisor = Supervisor(on_restart=self._publish)
        self._follower = LogFollower()
        self._postgres: EmbeddedPostgres | None = None
        self._nats: EmbeddedNats | None = None
        self._addresses: dict[str, str] = {}
        self._metrics_urls: dict[str, str] = {}
        self._steps: dict[str, float] = {}
        self._migrating: OwnedProcess | None = None

    @property
    def endpoints(self) -> Endpoints:
        """Where everything answers now."""
        return Endpoints(
            **self._addresses,
            metrics_urls=self._metrics_urls,
            pids=self._supervisor.pids(),
            started_at=self._started_at,
        )

    @property
    def readiness(self) -> Readiness:
        seconds = (self._clock.now() - self._started_at).total_seconds()
        return Readiness(started_at=self._started_at, seconds=seconds, steps=self._steps)

    def start(self) -> None:
        """Start everything; on any error everything is stopped again.

        Raises:
            StateDirectoryInUseError: another platform runs on this state directory.
            PortInUseError: the HTTP port asked for is taken.
            ServerDiedError: a server or door did not come up, with the end of its log.
        """
        self.begin()
        self.finish()

    def begin(self) -> None:
        """Start every process; what needs another waits for it by itself.

        Raises:
            StateDirectoryInUseError, PortInUseError: as :meth:`start`.
        """
        self._lock.acquire()
        with self._stopped_on_error():
            self._begin_processes()

    def finish(self, *, matching: bool = True) -> None:
        """Migrate, open the gate the doors wait at, and return when HTTP answers.

        The matcher begins then too, or when :meth:`begin_matching` is called if not ``matching``.

        Raises:
            ServerDiedError: as :meth:`start`.
        """
        with self._stopped_on_error():
            self._await_processes()
        if matching:
            self.begin_matching()

    def begin_matching(self) -> None:
        """Let the matcher import and read what it needs; until it answers, the record does."""
        self._open.touch()

    @contextmanager
    def _stopped_on_error(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.stop()
            raise

    def _begin_processes(self) -> None:
        self._note("imports")
        self._end_doors_of_predecessor()
        self._prepare_servers()
        doors = self._doors()
        for gate in (self._gate, self._open):
            gate.unlink(missing_ok=True)
        self._supervisor.start()
        first = self._postgres is not None and not self._postgres.exists()
        if first:
            self._migrating = self._migration()
        if self._nats is not None:
            self._begin(self._nats.process)
        if self._postgres is not None:
            self._begin(self._postgres.process, self._postgres.spawn)
        if self.by_copies:
            for module in COMMON_TO_DOORS:
                import_for_good(module)
        for door in doors:
            self._begin(door, first=door.fork if self.by_copies else None)

    def _await_processes(self) -> None:
        if self._postgres is not None:
            self._postgres.await_ready()
        self._note("database")
        if self._migrating is None and not self._is_migrated():
            self._migrating = self._migration()
        if self._migrating is not None:
            self._migrating.await_success(within_s=MIGRATED_WITHIN_S)
        if self._postgres is not None:
            self._postgres.enable_roles()
        self._gate.touch()
        self._note("migrations")
        if self._nats is not None:
            self._nats.await_ready()
        self._await_http()
        self._note("http")
        self._publish()
        write_private(readiness_path(self._state_dir), self.readiness)

    def _note(self, step: str) -> None:
        self._steps[step] = (self._clock.now() - self._started_at).total_seconds()

    def _begin(
        self,
        process: OwnedProcess,
        spawn: Callable[[], None] | None = None,
        *,
        first: Callable[[], None] | None = None,
    ) -> None:
        process.rotate_log()
        self._supervisor.start_member(process, spawn, first=first).result()

    def _prepare_servers(self) -> None:
        settings = self._settings
        if (settings.nats_url is None) != (settings.mqtt_url is None):
            given = "NONAGON_MQTT_URL" if settings.nats_url is None else "NONAGON_NATS_URL"
            raise BrokerHalfConfiguredError(given=given)
        if settings.database_url is None:
            self._postgres = EmbeddedPostgres(self._state_dir)
            self._postgres.prepare()
            self._addresses["database_url"] = self._postgres.database_url
        else:
            self._addresses["database_url"] = settings.database_url
        if settings.nats_url is not None and settings.mqtt_url is not None:
            self._addresses |= {"nats_url": settings.nats_url, "mqtt_url": settings.mqtt_url}
        else:
            self._nats = EmbeddedNats(self._state_dir, mqtt_tls=_mqtt_tls(settings))
            self._nats.prepare()
            self._addresses |= {"nats_url": self._nats.nats_url, "mqtt_url": self._nats.mqtt_url}

    def _end_doors_of_predecessor(self) -> None:
        for name in DOORS:
            OwnedProcess(self._door_launch(name, {}), state_dir=self._state_dir).end_predecessor()

    def _is_migrated(self) -> bool:
        return current_version(self._addresses["database_url"]) == newest_version()

    def _migration(self) -> OwnedProcess:
        """Migrates in a process of its own: its imports, initdb and the doors' imports overlap."""
        environment = child_environment(
            state_dir=self._state_dir,
            log_json="true",
            database_url=self._addresses["database_url"],
        )
        argv = (sys.executable, "-m", "gateway.migrate")
        migration = OwnedProcess(
            Launch(name="migrate", argv=argv, environment=environment, directory=PACKAGES_ROOT),
            state_dir=self._state_dir,
        )
        migration.rotate_log()
        migration.spawn()
        return migration

    def _doors(self) -> list[OwnedProcess]:
        book = PortBook(self._state_dir)
        http_port = book.port("http", wanted=self._settings.http_port)
        host = self._settings.http_host
        self._addresses["http_url"] = (
            f"http://{LOOPBACK if host == ANY_ADDRESS else host}:{http_port}"
        )
        doors = []
        for name in DOORS:
            own: dict[str, object] = {"http_port": http_port}
            if name != "http":
                own["metrics_port"] = port = book.port(f"{name}-metrics")
                self._metrics_urls[name] = f"http://{LOOPBACK}:{port}"
            environment = child_environment(
                state_dir=self._state_dir, log_json="true", **self._servers_for(name), **own
            )
            door = OwnedProcess(self._door_launch(name, environment), state_dir=self._state_dir)
            self._follower.follow(door.name, door.log_path)
            doors.append(door)
        return doors

    def _servers_for(self, door: str) -> dict[str, object]:
        """Addresses of the servers, with what opens the embedded broker to this door alone."""
        known: dict[str, object] = {
            key: url for key, url in self._addresses.items() if key != "http_url"
        }
        if self._postgres is not None:
            known["database_url"] = self._postgres.role_url(APP if door == "http" else WORKER)
        if (nats := self._nats) is None:
            return known
        if door == "ingest":
            return known | {"mqtt_url": nats.mqtt_url_of("ingest")}
        known["nats_url"] = nats.nats_url_of(door)
        if door == "worker":
            known["nats_guard_url"] = nats.nats_url_of("guard")
            known["nats_issuer_seed"] = nats.keys.seed_file
        return known

    def _door_launch(self, name: str, environment: Mapping[str, str]) -> Launch:
        return Launch(
            name=name,
            argv=(*self._door_command, name, *self._gates(name)),
            environment=environment,
            directory=PACKAGES_ROOT,
        )

    def _gates(self, name: str) -> tuple[str, ...]:
        """What a door waits for; a matcher leaves the processors to what people wait for."""
        migrated = ("--after", str(self._gate))
        return (*migrated, "--import-after", str(self._open)) if name == "matcher" else migrated

    def _await_http(self) -> None:
        door = self._supervisor.process("http")
        url = self._addresses["http_url"]
        door.await_ready(lambda: answers(url), within_s=HTTP_READY_WITHIN_S)

    def _publish(self) -> None:
        if "http" in self._steps:
            write_private(endpoints_path(self._state_dir), self.endpoints)

    def kill(self, name: str) -> int:
        """End ``postgres``, ``nats`` or a door with SIGKILL, as a crash would; return its pid."""
        pid = self._supervisor.pids()[name]
        psutil.Process(pid).kill()
        return pid

    def await_running_again(self, name: str, *, after_pid: int) -> int:
        """The pid of ``name`` once the supervisor has replaced process ``after_pid``.

        Raises:
            TimeoutError: it did not come back.
        """
        deadline = time.monotonic() + RUNNING_AGAIN_WITHIN_S
        while (pid := self._supervisor.pids().get(name)) in {None, after_pid}:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{name} was not started again")
            time.sleep(0.02)
        assert pid is not None
        return pid

    def show_warnings(self) -> None:
        """Print what the doors logged as warnings since the last call."""
        self._follower.show()

    def stop(self) -> None:
        """Stop the doors, then the servers; nothing of ours runs afterwards."""
        if self._migrating is not None:
            self._migrating.stop(grace_s=DOORS_STOP_WITHIN_S)
        self._supervisor.stop([DOORS], grace_s=DOORS_STOP_WITHIN_S)
        self._supervisor.stop([("nats", "postgres")], grace_s=SERVERS_STOP_WITHIN_S)
        endpoints_path(self._state_dir).unlink(missing_ok=True)
        self._lock.release()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def _mqtt_tls(settings: Settings) -> MqttTls | None:
    if settings.mqtt_tls is None:
        if settings.mqtt_host != LOOPBACK:
            raise MqttInTheClearError(host=settings.mqtt_host)
        return None
    folder = settings.mqtt_tls.resolve()
    return MqttTls(
        ca=certificate_of(folder, CA),
        certificate=certificate_of(folder, BROKER),
        key=key_of(folder, BROKER),
        host=settings.mqtt_host,
    )


def up() -> None:
    """Start the platform here and keep it running until Ctrl-C."""
    settings = Settings()
    configure_logging(settings, process="up")
    console, clock = Console(), SystemClock()
    stop_on_signals()
    try:
        with Platform(
            settings, clock=clock, started_at=process_began(clock), by_copies=True
        ) as platform:
            console.print(_panel(platform, settings.state_path))
            quiet = threading.Event()
            while not quiet.wait(0.5):
                platform.show_warnings()
    except KeyboardInterrupt:
        console.print("stopped")


def stop_on_signals() -> None:
    """Turn the first SIGINT, SIGTERM or SIGHUP into KeyboardInterrupt; ignore those that follow."""
    wanted = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def interrupt(_: int, __: FrameType | None) -> None:
        for number in wanted:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in wanted:
        signal.signal(number, interrupt)


def _panel(platform: Platform, state_dir: Path) -> Panel:
    endpoints = platform.endpoints
    table = Table.grid(padding=(0, 2))
    table.add_row("portal", endpoints.http_url)
    table.add_row("API", f"{endpoints.http_url}/api/v1/openapi.json")
    table.add_row("MQTT", redact_text(endpoints.mqtt_url))
    table.add_row("state, logs", str(state_dir))
    table.add_row("look inside", "nonagon doctor")
    table.add_row("stop", "Ctrl-C")
    return Panel(table, title=f"Nonagon 九向 · ready in {platform.readiness.seconds:.1f} s")
