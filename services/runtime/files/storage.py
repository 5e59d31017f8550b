"""Where the bytes of documents are kept: behind a port, found by their SHA-256.

The folder is part of the state directory and of no web root; files are their owner's alone. A file
is complete before it has its name, and equal files are kept once.
"""

import fcntl
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO, ClassVar, Final, Protocol

from services.contracts.errors import DomainError, ErrorKind
from services.runtime.settings import Settings

FOLDER_MODE: Final = 0o700
FILE_MODE: Final = 0o600
ABANDONED_AFTER: Final = timedelta(hours=1)
"""How long bytes without a document wait: an upload may be about to commit."""
SWEEP_BATCH: Final = 500


class ContentMissingError(DomainError):
    code: ClassVar[str] = "document-content-missing"
    kind: ClassVar[ErrorKind] = ErrorKind.UNAVAILABLE
    en: ClassVar[str] = "The bytes {sha256} of a document are not in storage; restore the backup."
    zh: ClassVar[str] = "存储中缺少文档内容 {sha256}；请从备份恢复。"


def documents_folder(settings: Settings) -> Path:
    return settings.state_path / "documents"


class Storage(Protocol):
    """Takes finished drafts, gives their bytes back."""

    def draft(self) -> Path:
        """A new empty file to write to."""

    def keep(self, draft: Path, sha256: bytes, *, now: datetime) -> None:
        """Make the draft findable; it stays where it is."""

    def open(self, sha256: bytes) -> BinaryIO: ...


class FolderStorage:
    """A folder of our own, made when first written to."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def draft(self) -> Path:
        path = self._folder("incoming") / secrets.token_hex(16)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE))
        return path

    def keep(self, draft: Path, sha256: bytes, *, now: datetime) -> None:
        final = self._place(sha256)
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        with self._locked():
            self._folder(final.parent.parent.name, final.parent.name)
            if not final.exists():
                os.link(draft, final)
                _sync(final.parent)
            os.utime(final, (now.timestamp(), now.timestamp()))

    def open(self, sha256: bytes) -> BinaryIO:
        """The bytes, to be closed by the caller.

        Raises:
            ContentMissingError: they are gone.
        """
        try:
            return self._place(sha256).open("rb")
        except FileNotFoundError as error:
            raise ContentMissingError(sha256=sha256.hex()) from error

    def sweep(self, known: Callable[[Sequence[bytes]], set[bytes]], *, now: datetime) -> int:
        """Delete what no document names, and drafts nobody finished; tells how many files.

        Args:
            known: which of some hashes documents name.
            now: files younger than ``ABANDONED_AFTER`` stay.
        """
        before = (now - ABANDONED_AFTER).timestamp()
        removed = 0
        for batch in _batches(self._older(before)):
            named = known([bytes.fromhex(path.name) for path in batch])
            with self._locked():
                for path in batch:
                    if bytes.fromhex(path.name) not in named and path.stat().st_mtime < before:
                        path.unlink()
                        removed += 1
        for path in self._folder("incoming").iterdir():
            if path.stat().st_mtime < before:
                path.unlink(missing_ok=True)
                removed += 1
        return removed

    def _older(self, before: float) -> Iterator[Path]:
        for path in self._root.glob("[0-9a-f][0-9a-f]/[0-9a-f][0-9a-f]/*"):
            if path.stat().st_mtime < before:
                yield path

    def _place(self, sha256: bytes) -> Path:
        name = sha256.hex()
        return self._root / name[:2] / name[2:4] / name

    def _folder(self, *names: str) -> Path:
        """A folder within the root; each on the way is ours alone."""
        self._root.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)
        folder = self._root
        for name in names:
            folder = folder / name
            folder.mkdir(exist_ok=True, mode=FOLDER_MODE)
        return folder

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keeping and sweeping exclude each other, or bytes just kept again could be swept."""
        descriptor = os.open(self._folder() / ".lock", os.O_RDWR | os.O_CREAT, FILE_MODE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _batches(paths: Iterator[Path]) -> Iterator[list[Path]]:
    batch: list[Path] = []
    for path in paths:
        batch.append(path)
        if len(batch) == SWEEP_BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
