"""Whole platforms as processes, with stand-ins for the doors: ``python -m tests.support.platform``.

With ``copies`` behind it the doors begin as copies, as those of ``nonagon up`` do.
Configured like ``nonagon up`` by ``NONAGON_…`` variables, ends like it on SIGINT and SIGTERM.
"""

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from gateway.endpoints import Endpoints, read_endpoints
from gateway.up import Platform, stop_on_signals
from services.contracts.errors import DomainError
from services.runtime.clock import SystemClock
from services.runtime.embedded.placement import OUT_OF_CHECKOUT
from services.runtime.logging import configure_logging
from services.runtime.settings import Settings
from tests.support.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]
STUB_DOOR = (sys.executable, "-m", "tests.support.door")
START_WITHIN_S = 60.0


class PlatformProcess:
    """One platform of ``state_dir`` in a process of its own, configured by ``settings``."""

    def __init__(
        self,
        state_dir: Path,
        *,
        python: str = sys.executable,
        uid: int | None = None,
        command: Sequence[str] = ("-m", "tests.support.platform"),
        **settings: object,
    ) -> None:
        self.state_dir = state_dir
        packages = sysconfig.get_path("purelib")
        self._popen = subprocess.Popen(
            [python, *command],
            cwd=ROOT,
            env={
                **{f"NONAGON_{name.upper()}": str(value) for name, value in settings.items()},
                "NONAGON_STATE_DIR": str(state_dir),
                "PYTHONPATH": os.pathsep.join((str(ROOT), packages)),
                "PYTHONDONTWRITEBYTECODE": "1",
                "PATH": os.defpath,
            },
            user=uid,
            group=uid,
            extra_groups=None if uid is None else [],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            text=True,
        )
        self.pid = self._popen.pid

    def ready(self) -> Endpoints:
        """Its endpoints, once it has written them itself."""

        def found() -> Endpoints | None:
            assert self._popen.poll() is None, self.output()
            endpoints = read_endpoints(self.state_dir)
            own = {child.pid for child in psutil.Process(self.pid).children()}
            return endpoints if endpoints and set(endpoints.pids.values()) <= own else None

        ready = eventually(found, within=START_WITHIN_S, what="platform ready")
        assert ready is not None
        return ready

    def signal(self, number: signal.Signals) -> None:
        self._popen.send_signal(number)

    def exit_code(self) -> int:
        return self._popen.wait(START_WITHIN_S)

    def output(self) -> str:
        out, err = self._popen.communicate(timeout=START_WITHIN_S)
        return f"{out}{err}"

    def end(self) -> None:
        """Leave nothing: no process, no data outside the state directory."""
        if self._popen.poll() is None:
            self.signal(signal.SIGTERM)
        self._popen.communicate(timeout=START_WITHIN_S)
        remove_outside(self.state_dir)


def remove_outside(state_dir: Path) -> None:
    """Delete the one folder that this state directory's server keeps elsewhere, if it does."""
    home = database_home(state_dir)
    if home and home.parent == OUT_OF_CHECKOUT and home.exists():
        shutil.rmtree(home)


def database_home(state_dir: Path) -> Path | None:
    """Where the server of this state directory keeps its data, once it has any."""
    try:
        return Path((state_dir / "postgres" / "location").read_text(encoding="utf-8").strip())
    except FileNotFoundError:
        return None


def processes_of(state_dir: Path) -> list[psutil.Process]:
    """Every process that names ``state_dir``, or where its database lies, as it was started."""
    folders = [str(folder) for folder in (state_dir, database_home(state_dir)) if folder]
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            named = [*process.cmdline(), process.environ().get("NONAGON_STATE_DIR", "")]
            names_us = any(folder in text for folder in folders for text in named)
            if process.pid != os.getpid() and names_us:
                found.append(process)
    return found


def serve(door_command: Sequence[str] = STUB_DOOR) -> None:
    settings = Settings()
    configure_logging(settings, process="platform")
    stop_on_signals()
    with (
        suppress(KeyboardInterrupt),
        Platform(
            settings,
            clock=SystemClock(),
            door_command=door_command,
            by_copies="copies" in sys.argv,
        ),
    ):
        signal.pause()


if __name__ == "__main__":
    try:
        serve()
    except DomainError as error:
        sys.exit(str(error))
