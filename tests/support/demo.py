"""``nonagon demo`` as a person starts it: a process and a state directory of its own."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from gateway.endpoints import Endpoints, read_endpoints
from gateway.plant.control import PlantControl
from tests.support.platform import processes_of
from tests.support.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]
LIVE_WITHIN_S = 90.0
STOPPED_WITHIN_S = 30.0


class DemoProcess:
    """Started at once; :meth:`await_live` returns when it has printed what to try."""

    def __init__(self, state_dir: Path, *arguments: str) -> None:
        self.state_dir = state_dir
        state_dir.mkdir(mode=0o711)
        self._said = state_dir / "said.txt"
        environment = {**os.environ, "NONAGON_STATE_DIR": str(state_dir)}  # noqa: TID251 - handed on
        with self._said.open("wb") as said:
            self._popen = subprocess.Popen(
                [sys.executable, "-m", "gateway.cli", "demo", *arguments],
                cwd=ROOT,
                env={**environment, "COLUMNS": "200"},
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        return self._said.read_text(errors="replace")

    @property
    def endpoints(self) -> Endpoints:
        found = read_endpoints(self.state_dir)
        assert found is not None, self.said
        return found

    @property
    def plant(self) -> PlantControl:
        return PlantControl.of_endpoints(self.state_dir / "run" / "plant.json")

    def await_live(self) -> None:
        def is_live() -> bool:
            assert self._popen.poll() is None, self.said
            return "Ctrl-C" in self.said

        eventually(is_live, within=LIVE_WITHIN_S)

    def await_end(self, *, within_s: float) -> int:
        return self._popen.wait(within_s)

    def stop(self) -> int:
        """Ctrl-C; the exit code."""
        self._popen.send_signal(signal.SIGINT)
        return self._popen.wait(STOPPED_WITHIN_S)

    def kill(self) -> None:
        if self._popen.poll() is None:
            self._popen.kill()
            self._popen.wait()

    def left_behind(self) -> list[str]:
        """Command lines of processes that still speak of this state directory."""
        return [" ".join(process.cmdline()) for process in processes_of(self.state_dir)]
