"""A child that begins as a copy of this process: what is imported here, it need not import.

A copy has only the thread that made it, and finds locked for ever what any other thread held at
that moment. Fork while the others wait; start a program instead where that cannot be known.
"""

import importlib
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NoReturn

from services.runtime.embedded.tether import call_itself, die_with

POLL_S: Final = 0.02
_OUT, _ERR, _FIRST_INHERITED = 1, 2, 3
_HANDLED: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class ForkedProcess:
    """What :class:`subprocess.Popen` is for ``python -m MODULE ARGUMENT…``, without the start.

    Args:
        argv: ``MODULE ARGUMENT…``; the module's ``main()`` is run.
        name: what ``ps`` calls it.
        environment: all it gets.
        directory: where it works.
        log_fd: takes its output.
        stop_signal: reaches it when the thread that made it ends.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        name: str,
        environment: Mapping[str, str],
        directory: Path,
        log_fd: int,
        stop_signal: signal.Signals,
    ) -> None:
        self._returncode: int | None = None
        self._lock = threading.Lock()
        parent = os.getpid()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        self.pid = os.fork()
        if self.pid == 0:
            _become(
                argv,
                name=name,
                environment=environment,
                directory=directory,
                log_fd=log_fd,
                parent=parent,
                stop_signal=stop_signal,
            )

    def poll(self) -> int | None:
        """The exit code, negative for a signal; ``None`` while it runs."""
        with self._lock:
            if self._returncode is None:
                self._returncode = _exit_code_of(self.pid)
            return self._returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, once it has ended.

        Raises:
            subprocess.TimeoutExpired: it still runs after ``timeout`` seconds.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if deadline is not None and time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0.0)
            time.sleep(POLL_S)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _exit_code_of(child: int) -> int | None:
    try:
        pid, status = os.waitpid(child, os.WNOHANG)
    except ChildProcessError:  # somebody else was told; as Popen, for want of better
        return 0
    return os.waitstatus_to_exitcode(status) if pid == child else None


def _become(
    argv: Sequence[str],
    *,
    name: str,
    environment: Mapping[str, str],
    directory: Path,
    log_fd: int,
    parent: int,
    stop_signal: signal.Signals,
) -> NoReturn:
    code = 1
    try:
        for number in _HANDLED:
            signal.signal(number, signal.SIG_DFL)
        os.setsid()  # a terminal's Ctrl-C is for the supervisor alone
        die_with(parent, stop_signal)
        call_itself(name)
        _take_over(log_fd)
        os.chdir(directory)
        os.environ.clear()  # noqa: TID251 - a program's own start would do it
        os.environ.update(environment)  # noqa: TID251 - same
        sys.argv = list(argv)
        importlib.import_module(argv[0]).main()
        code = 0
    except SystemExit as ended:
        code = _exit_code(ended)
    except BaseException:  # noqa: BLE001 - nothing above may go on in the copy
        traceback.print_exc()
    finally:
        try:
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
        finally:  # a full disk refuses the flush; the copy must end all the same
            os._exit(code)


def _take_over(log_fd: int) -> None:
    """Output goes to the log; nothing else the parent holds open stays open here."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    for target, source in enumerate((nothing, log_fd, log_fd)):
        os.dup2(source, target)
    sys.stdout = os.fdopen(_OUT, "w", encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(_ERR, "w", encoding="utf-8", errors="backslashreplace", closefd=False)
    os.closerange(_FIRST_INHERITED, os.sysconf("SC_OPEN_MAX"))


def _exit_code(ended: SystemExit) -> int:
    if ended.code is None or isinstance(ended.code, int):
        return ended.code or 0
    sys.stderr.write(f"{ended.code}\n")
    return 1
