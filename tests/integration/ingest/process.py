"""The ingest door as a process that tests may kill."""

import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from types import TracebackType
from typing import Self

from services.runtime.embedded.ports import LOOPBACK
from services.runtime.settings import child_environment
from tests.support.waiting import eventually


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        port: int = listener.getsockname()[1]
        return port


class DoorProcess:
    """``python -m MODULE`` with a metrics port, from ready to ended."""

    def __init__(self, module: str, **settings: object) -> None:
        self._argv = [sys.executable, "-m", module]
        self._port = _free_port()
        self._environment = child_environment(metrics_port=self._port, **settings)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(self._argv, env=self._environment)

    def await_ready(self) -> None:
        eventually(lambda: self.answers("readyz"), within=20, what="door ready")

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

    def _get(self, page: str) -> str:
        address = f"http://{LOOPBACK}:{self._port}/{page}"
        with urllib.request.urlopen(address, timeout=5) as answer:  # noqa: S310 - loopback
            return str(answer.read().decode())


class IngestProcess(DoorProcess):
    def __init__(self, *, database_url: str, mqtt_url: str, **settings: object) -> None:
        super().__init__(
            "gateway.ingest", database_url=database_url, mqtt_url=mqtt_url, **settings
        )
