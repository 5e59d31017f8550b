"""Loopback ports of one state directory: free when chosen, and the same again after a restart.

They lie below the range the kernel hands to outgoing connections. A client that keeps dialling a
dead server inside that range can be given the very port it dials, connect to itself and keep the
server from coming back.
"""

import json
import socket
import zlib
from pathlib import Path
from typing import ClassVar

from services.contracts.errors import DomainError, ErrorKind

LOOPBACK = "127.0.0.1"
FIRST_PORT = 15_000
LAST_PORT = 31_999


class PortInUseError(DomainError):
    code: ClassVar[str] = "port-in-use"
    kind: ClassVar[ErrorKind] = ErrorKind.UNAVAILABLE
    en: ClassVar[str] = (
        "Port {port} for {server} is in use by another program; stop that program or choose "
        "another port."
    )
    zh: ClassVar[str] = "{server} 的端口 {port} 已被其他程序占用；请停止该程序或改用其他端口。"


class NoFreePortError(DomainError):
    code: ClassVar[str] = "no-free-port"
    kind: ClassVar[ErrorKind] = ErrorKind.UNAVAILABLE
    en: ClassVar[str] = (
        "No loopback port between {first} and {last} is free for {server}; stop programs that "
        "listen there."
    )
    zh: ClassVar[str] = (
        "{first} 至 {last} 之间没有可供 {server} 使用的空闲本地端口；请停止占用它们的程序。"
    )


def is_free(port: int) -> bool:
    """Whether a server could listen on ``port`` of the loopback address now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def is_accepting(port: int, *, host: str = LOOPBACK, timeout_s: float = 0.5) -> bool:
    try:
        with socket.create_connection((host, port), timeout=timeout_s):
            return True
    except OSError:
        return False


class PortBook:
    """The ports of one state directory, kept in ``run/ports.json``."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir
        self._path = state_dir / "run" / "ports.json"

    def port(self, server: str, *, wanted: int = 0) -> int:
        """A port for ``server``: ``wanted``, else the last one if free, else another free one.

        Raises:
            PortInUseError: ``wanted`` is given and somebody listens there.
            NoFreePortError: nothing is free.
        """
        if wanted:
            if not is_free(wanted):
                raise PortInUseError(port=wanted, server=server)
            return wanted
        known = self._read()
        if server in known and is_free(known[server]):
            return known[server]
        known[server] = self._choose(server, taken=set(known.values()))
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(json.dumps(known, indent=2), encoding="utf-8")
        return known[server]

    def _read(self) -> dict[str, int]:
        try:
            known: dict[str, int] = json.loads(self._path.read_text(encoding="utf-8"))
        except (FileNotFoundError, json.JSONDecodeError):
            return {}
        return known

    def _choose(self, server: str, *, taken: set[int]) -> int:
        """Probe from a place of the directory's own, so that clones side by side rarely meet."""
        span = LAST_PORT - FIRST_PORT + 1
        start = zlib.crc32(f"{self._state_dir}:{server}".encode())
        for step in range(span):
            port = FIRST_PORT + (start + step) % span
            if port not in taken and is_free(port):
                return port
        raise NoFreePortError(first=FIRST_PORT, last=LAST_PORT, server=server)
