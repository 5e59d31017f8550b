"""The plant's control port: one JSON object a line in, one a line out, on loopback.

``{"device": "mill-01", "command": "fault"}`` is answered ``{"ok": …}`` or ``{"error": …}``.
"""

import asyncio
import contextlib
import errno
import json
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, Self

from services.contracts.errors import DomainError, ErrorKind

HOST: Final = "127.0.0.1"
"""Machines and control listen on loopback only."""
LINE_BYTES_MAX: Final = 4_096
ANSWER_WITHIN_S: Final = 10.0

Command = dict[str, Any]
Answer = dict[str, Any]


class ControlPortInUseError(DomainError):
    code = "plant-control-port-in-use"
    kind = ErrorKind.CONFLICT
    en = "the control cannot listen on {host}:{port}: another process does; choose another port"
    zh = "工厂模拟器的控制端口 {host}:{port} 已被其他进程占用；请更换端口"


class PlantRefusedError(DomainError):
    code = "plant-refused"
    kind = ErrorKind.INVALID
    en = "the plant refused {command}: {cause}"
    zh = "工厂模拟器拒绝了 {command}：{cause}"


class PlantUnreachableError(DomainError):
    code = "plant-unreachable"
    kind = ErrorKind.UNAVAILABLE
    en = "no plant answers on {host}:{port}: {cause}; start one with `nonagon plant`"
    zh = "{host}:{port} 上没有工厂模拟器应答：{cause}；请用 `nonagon plant` 启动"


class ControlServer:
    """Reads commands from any number of connections and lets ``answer`` carry them out."""

    def __init__(self, answer: Callable[[Command], Awaitable[object]]) -> None:
        self._answer = answer
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = 0

    async def open(self, port: int) -> None:
        """Listen.

        Raises:
            ControlPortInUseError: another process listens on ``port``.
        """
        try:
            self._server = await asyncio.start_server(self._serve, HOST, port, limit=LINE_BYTES_MAX)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise ControlPortInUseError(host=HOST, port=port) from error
            raise
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        if self._server is None:
            return
        self._server.close()
        for writer in self._writers:
            writer.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            with contextlib.suppress(ConnectionError):
                await self._converse(reader, writer)
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                line = await reader.readline()
            except ValueError:  # longer than the limit; where the next line begins is unknown
                await _say(writer, {"error": f"a command is at most {LINE_BYTES_MAX} bytes"})
                return
            if not line:
                return
            await _say(writer, await self._answer_line(line))

    async def _answer_line(self, line: bytes) -> Answer:
        try:
            command = json.loads(line)
        except (ValueError, RecursionError):
            return {"error": "not a line of JSON"}
        if not isinstance(command, dict):
            return {"error": "a command is a JSON object"}
        try:
            return {"ok": await self._answer(command)}
        except DomainError as error:
            return {"error": str(error), "code": error.code}


async def _say(writer: asyncio.StreamWriter, answer: Answer) -> None:
    writer.write(json.dumps(answer).encode() + b"\n")
    await writer.drain()


class PlantControl:
    """A blocking client; a connection for each command, so that it may outlive a plant."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port

    @classmethod
    def of_endpoints(cls, path: Path) -> Self:
        """The control of the plant that wrote this endpoints file."""
        host, _, port = json.loads(path.read_text())[0]["control"].rpartition(":")
        return cls(host, int(port))

    def fault(self, device: str) -> None:
        self.send("fault", device)

    def clear(self, device: str) -> None:
        self.send("clear", device)

    def stop_server(self, device: str) -> None:
        self.send("stop-server", device)

    def start_server(self, device: str) -> None:
        self.send("start-server", device)

    def bad_quality(self, device: str) -> None:
        self.send("bad-quality", device)

    def wrong_type(self, device: str) -> None:
        self.send("wrong-type", device)

    def hold(self, device: str) -> None:
        self.send("hold", device)

    def resume(self, device: str) -> None:
        self.send("resume", device)

    def status(self) -> list[Answer]:
        """Every machine: item state, mode, parts, whether it listens, commands attempted."""
        found: list[Answer] = self.send("status")
        return found

    def replay_status(self) -> Answer:
        """How far the replay is: ``events_total``, ``events_played``, ``begun``, ``done``."""
        found: Answer = self.send("replay-status")
        return found

    def send(self, command: str, device: str | None = None) -> Any:
        """Send one command and return what follows ``ok``.

        Raises:
            PlantRefusedError: unknown device or command, or nothing to carry it out on.
            PlantUnreachableError: nobody listens, or no answer came in time.
        """
        asked = {"command": command} if device is None else {"device": device, "command": command}
        try:
            with (
                socket.create_connection((self._host, self._port), ANSWER_WITHIN_S) as connection,
                connection.makefile("rwb") as stream,
            ):
                stream.write(json.dumps(asked).encode() + b"\n")
                stream.flush()
                line = stream.readline()
        except OSError as error:
            raise PlantUnreachableError(host=self._host, port=self._port, cause=error) from error
        if not line:
            raise PlantUnreachableError(host=self._host, port=self._port, cause="it hung up")
        answer = json.loads(line)
        if "error" in answer:
            raise PlantRefusedError(command=command, cause=answer["error"])
        return answer["ok"]
