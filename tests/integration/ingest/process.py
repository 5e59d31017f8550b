"""The ingest door: in a thread of the test, or as a process that a test may kill."""

import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from types import TracebackType
from typing import Self

from gateway.ingest.__main__ import run
from services.runtime.embedded.ports import LOOPBACK
from services.runtime.settings import Settings, child_environment
from tests.support.waiting import eventually


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        port: int = listener.getsockname()[1]
        return port


class Door:
    """A door's metrics server as a client sees it."""

    def __init__(self) -> None:
        self.port = _free_port()

    def await_ready(self) -> None:
        eventually(lambda: self.answers("readyz"), within=60, what="door ready")

    def answers(self, page: str) -> bool:
        try:
            self._get(page)
        except (urllib.error.URLError, OSError):
            return False
        return True

    def metrics(self) -> str:
        return self._get("metrics")

    def metric(self, sample: str) -> float:
        """The value of the sample that begins with ``sample``; 0 when there is none."""
        for line in self.metrics().splitlines():
            if line.startswith(sample):
                return float(line.rpartition(" ")[2])
        return 0.0

    def _get(self, page: str) -> str:
        address = f"http://{LOOPBACK}:{self.port}/{page}"
        with urllib.request.urlopen(address, timeout=5) as answer:
            return str(answer.read().decode())


class IngestThread(Door):
    """The whole door in a thread: composed as the process is, started in no time."""

    def __init__(self, *, database_url: str, mqtt_url: str) -> None:
        super().__init__()
        self._stop = threading.Event()
        settings = Settings(metrics_port=self.port)
        self._thread = threading.Thread(
            target=run, args=(settings, database_url, mqtt_url, self._stop)
        )

    def __enter__(self) -> Self:
        self._thread.start()
        self.await_ready()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join(timeout=20)
        assert not self._thread.is_alive()


class DoorProcess(Door):
    """``python -m MODULE`` with a metrics port, from ready to ended."""

    def __init__(self, module: str, **settings: object) -> None:
        super().__init__()
        self._argv = [sys.executable, "-m", module]
        self._environment = child_environment(metrics_port=self.port, **settings)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(self._argv, env=self._environment)

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        """End it politely; its exit status."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(timeout=20)

    def __enter__(self) -> Self:
        self.start()
        self.await_ready()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None and self._process.poll() is None:
            self.stop()


class IngestProcess(DoorProcess):
    def __init__(self, *, database_url: str, mqtt_url: str, **settings: object) -> None:
        super().__init__("gateway.ingest", database_url=database_url, mqtt_url=mqtt_url, **settings)
