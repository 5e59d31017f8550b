"""A child process that is ours: tethered to its parent, recorded on disk, ended by its successor.

Linux delivers the parent's death to a child when the *thread* that started it ends, so
:meth:`OwnedProcess.spawn` belongs in a thread that lives as long as the child should.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, ClassVar

import psutil

from services.contracts.errors import DomainError, ErrorKind
from services.runtime.embedded import tether
from services.runtime.embedded.account import Account
from services.runtime.embedded.fork import ForkedProcess

POLL_S = 0.02
LOG_TAIL_LINES = 15
START_TIME_TOLERANCE_S = 5.0
"""Start times are derived from the boot time, which moves a little when the clock is set."""


class ServerDiedError(DomainError):
    code: ClassVar[str] = "server-died"
    kind: ClassVar[ErrorKind] = ErrorKind.UNAVAILABLE
    en: ClassVar[str] = "{name} ended while starting ({cause}). Its log {log} ends with:\n{tail}"
    zh: ClassVar[str] = "{name} 在启动时退出（{cause}）。其日志 {log} 末尾为：\n{tail}"


class ServerNotReadyError(DomainError):
    code: ClassVar[str] = "server-not-ready"
    kind: ClassVar[ErrorKind] = ErrorKind.UNAVAILABLE
    en: ClassVar[str] = (
        "{name} was not ready within {within_s:g} s. Its log {log} ends with:\n{tail}"
    )
    zh: ClassVar[str] = "{name} 未能在 {within_s:g} 秒内就绪。其日志 {log} 末尾为：\n{tail}"


@dataclass(frozen=True, slots=True)
class Launch:
    """How to start a program. ``environment`` is all it gets; ``stop_signal`` ends it in order."""

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str]
    directory: Path
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    kill_signal: signal.Signals = signal.SIGKILL


class OwnedProcess:
    """One program of a state directory; at most one runs at a time.

    Args:
        launch: what to run.
        state_dir: keeps the record in ``run/NAME.pid.json`` and the log in ``log/NAME.log``.
    """

    def __init__(self, launch: Launch, *, state_dir: Path) -> None:
        self.launch = launch
        self.log_path = state_dir / "log" / f"{launch.name}.log"
        self._record = state_dir / "run" / f"{launch.name}.pid.json"
        self._popen: subprocess.Popen[bytes] | ForkedProcess | None = None

    @property
    def name(self) -> str:
        return self.launch.name

    @property
    def pid(self) -> int | None:
        return None if self._popen is None else self._popen.pid

    def is_running(self) -> bool:
        return self._popen is not None and self._popen.poll() is None

    def spawn(self) -> None:
        """Start the program; output is appended to its log."""
        with self._opened_log() as log:
            self._popen = subprocess.Popen(  # noqa: S603 - our own programs
                self._tethered(),
                cwd=self.launch.directory,
                env=dict(self.launch.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a terminal's Ctrl-C is for the supervisor alone
            )
        self._remember(self._popen.pid, self.launch.argv)

    def fork(self) -> None:
        """Start ``python -m MODULE`` as a copy of this process; no other thread may be at work."""
        _, flag, *module = self.launch.argv
        assert flag == "-m", f"{self.name} is no module"
        with self._opened_log() as log:
            self._popen = ForkedProcess(
                module,
                name=f"nonagon-{self.name}",
                environment=self.launch.environment,
                directory=self.launch.directory,
                log_fd=log.fileno(),
                stop_signal=self.launch.stop_signal,
            )
        self._remember(self._popen.pid, psutil.Process().cmdline())

    def _opened_log(self) -> BinaryIO:
        assert not self.is_running(), f"{self.name} runs already"
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        self._record.parent.mkdir(parents=True, exist_ok=True)
        return self.log_path.open("ab")

    def _tethered(self) -> list[str]:
        account = self.launch.account
        credentials = ["-", "-"] if account is None else [str(account.uid), str(account.gid)]
        launcher = [sys.executable, "-I", "-S", tether.__file__]
        stop = str(int(self.launch.stop_signal))
        return [*launcher, str(os.getpid()), stop, *credentials, *self.launch.argv]

    def _remember(self, pid: int, argv: Sequence[str]) -> None:
        record = {
            "pid": pid,
            "argv": list(argv),
            "started": psutil.Process(pid).create_time(),
        }
        self._record.write_text(json.dumps(record), encoding="utf-8")

    def rotate_log(self) -> None:
        """Keep the log of the last run as ``NAME.log.1`` and begin a new one."""
        if self.log_path.exists():
            self.log_path.replace(self.log_path.with_suffix(".log.1"))

    def request_stop(self) -> None:
        if self._popen is not None and self.is_running():
            self._popen.send_signal(self.launch.stop_signal)

    def stop(self, *, grace_s: float = 3.0) -> None:
        """End the program in order, or by force after ``grace_s``; return when it is gone."""
        self.request_stop()
        self.await_stop(grace_s=grace_s)

    def await_stop(self, *, grace_s: float) -> None:
        if self._popen is None:
            return
        for strength in (self.launch.kill_signal, signal.SIGKILL):
            try:
                self._popen.wait(grace_s)
                break
            except subprocess.TimeoutExpired:
                self._popen.send_signal(strength)
        self._popen.wait()
        self._record.unlink(missing_ok=True)

    def kill(self) -> None:
        """End the program with SIGKILL, as a crash would."""
        if self._popen is not None:
            self._popen.kill()
            self._popen.wait()

    def exit_cause(self) -> str:
        """Why the program ended: ``exit code 1`` or ``signal SIGKILL``."""
        code = None if self._popen is None else self._popen.poll()
        if code is None:
            return "running" if self._popen is not None else "never started"
        return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"

    def log_tail(self) -> str:
        try:
            text = self.log_path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return ""
        return "\n".join(text.splitlines()[-LOG_TAIL_LINES:])

    def await_ready(self, is_ready: Callable[[], bool], *, within_s: float) -> None:
        """Return once ``is_ready()`` is true.

        Raises:
            ServerDiedError: the program ended first.
            ServerNotReadyError: it took longer than ``within_s``.
        """
        deadline = time.monotonic() + within_s
        while True:
            was_running = self.is_running()  # asked first: it may end while is_ready() answers
            if is_ready():
                return
            if not was_running:
                raise ServerDiedError(
                    name=self.name,
                    cause=self.exit_cause(),
                    log=self.log_path,
                    tail=self.log_tail(),
                )
            if time.monotonic() > deadline:
                raise ServerNotReadyError(
                    name=self.name, within_s=within_s, log=self.log_path, tail=self.log_tail()
                )
            time.sleep(POLL_S)

    def await_success(self, *, within_s: float) -> None:
        """Return once the program has done its work and ended with exit code 0.

        Raises:
            ServerDiedError: it ended otherwise.
            ServerNotReadyError: it took longer than ``within_s``.
        """
        assert self._popen is not None, "spawn() first"
        self.await_ready(
            lambda: self._popen is not None and self._popen.poll() == 0, within_s=within_s
        )
        self._record.unlink(missing_ok=True)

    def end_predecessor(self, *, grace_s: float = 5.0) -> int | None:
        """End what a killed supervisor left running under our record; return its pid, if any."""
        process = self._predecessor()
        self._record.unlink(missing_ok=True)
        if process is None:
            return None
        end(process, self.launch, grace_s=grace_s)
        return process.pid

    def _predecessor(self) -> psutil.Process | None:
        try:
            record = json.loads(self._record.read_text(encoding="utf-8"))
            process = psutil.Process(record["pid"])
            same_start = abs(process.create_time() - record["started"]) < START_TIME_TOLERANCE_S
            return process if same_start and process.cmdline() == record["argv"] else None
        except (FileNotFoundError, json.JSONDecodeError, KeyError, psutil.Error):
            return None


def end(process: psutil.Process, launch: Launch, *, grace_s: float) -> None:
    """End a process that is not our child: in order, then by force."""
    for strength in (launch.stop_signal, launch.kill_signal, signal.SIGKILL):
        try:
            process.send_signal(strength)
            process.wait(grace_s)
        except psutil.TimeoutExpired:
            continue
        except psutil.NoSuchProcess:
            pass
        return
