"""One platform per state directory."""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from services.contracts.errors import DomainError, ErrorKind


class StateDirectoryInUseError(DomainError):
    code: ClassVar[str] = "state-directory-in-use"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "Another nonagon (process {pid}) already runs on {state_dir}; stop it, or set "
        "NONAGON_STATE_DIR to another directory."
    )
    zh: ClassVar[str] = (
        "另一个 nonagon（进程 {pid}）已在使用 {state_dir}；请先停止它，或将 NONAGON_STATE_DIR "
        "设为其他目录。"
    )


class StateDirectoryLock:
    """Held while a platform runs; the kernel lets go of it however the holder ends."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir
        self._path = state_dir / "run" / "lock"
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock.

        Raises:
            StateDirectoryInUseError: a live process holds it.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            pid = self._path.read_text(encoding="ascii").strip() or "?"
            raise StateDirectoryInUseError(pid=pid, state_dir=self._state_dir) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        self._descriptor = descriptor

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()
