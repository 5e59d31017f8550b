"""The agent and a machine as processes of their own, to be killed."""

import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

STOP_WITHIN_S = 10


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Child:
    """A process that is started, killed and started again."""

    def __init__(self, arguments: Sequence[str], *, log: Path) -> None:
        self._arguments = [sys.executable, *arguments]
        self._log = log
        self._running: subprocess.Popen[bytes] | None = None
        self._file: IO[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._running is not None
        return self._running.pid

    @property
    def output(self) -> str:
        return self._log.read_text(encoding="utf-8")

    def start(self) -> None:
        self._file = self._log.open("ab")
        self._running = subprocess.Popen(self._arguments, stdout=self._file, stderr=self._file)

    def end(self, how: signal.Signals) -> int:
        """Send ``how`` and wait; returns the exit status."""
        if self._running is None or self._file is None:
            return 0
        self._running.send_signal(how)
        try:
            return self._running.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._running.kill()
            self._running.wait()
            raise
        finally:
            self._file.close()
            self._running = self._file = None

    def is_running(self) -> bool:
        return self._running is not None and self._running.poll() is None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end(signal.SIGKILL)


def machine_process(*, port: int, blueprint_dir: Path, every_ms: int, log: Path) -> Child:
    module = "tests.integration.edge.machines"
    return Child(["-m", module, str(port), str(blueprint_dir), str(every_ms)], log=log)


def agent_process(config: Path, *, log: Path) -> Child:
    return Child(["-m", "edge", "run", str(config)], log=log)
