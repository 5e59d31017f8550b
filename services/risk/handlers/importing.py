"""Files of notices: taken whole as drafts, or quarantined whole with every cause."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import ClassVar, Final
from uuid import UUID

from sqlmodel import Session

from services.contracts.access import Acting
from services.contracts.errors import DomainError, ErrorKind
from services.risk.domain.csaf_reading import read_csaf
from services.risk.domain.csv_file import read_csv
from services.risk.domain.imported import (
    FILE_BYTES_MAX,
    IMPORTS_PER_DAY_MAX,
    KEPT_BYTES_MAX,
    FileProblem,
    FileRefused,
    Import,
    ImportFormat,
    ImportState,
)
from services.risk.domain.notice import NoticeContent, NoticeSource
from services.risk.handlers.drafting import author_of, draft
from services.risk.store import collected as store
from services.runtime.audit.recording import note
from services.runtime.clock import Clock

_READERS: Final[
    Mapping[ImportFormat, tuple[Callable[[bytes], list[NoticeContent]], NoticeSource]]
] = {
    ImportFormat.CSV: (read_csv, NoticeSource.CSV),
    ImportFormat.CSAF: (read_csaf, NoticeSource.CSAF),
}
_DAY: Final = timedelta(days=1)


class FileTooLargeError(DomainError):
    code: ClassVar[str] = "risk-file-too-large"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "The file has {size} bytes, more than {most}; split it."
    zh: ClassVar[str] = "文件为 {size} 字节，超过 {most} 字节；请拆分。"


class FileEmptyError(DomainError):
    code: ClassVar[str] = "risk-file-empty"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "The request has no content; send the file as its body."
    zh: ClassVar[str] = "请求没有内容；请将文件作为请求体发送。"


class TooManyImportsError(DomainError):
    code: ClassVar[str] = "too-many-risk-imports"
    kind: ClassVar[ErrorKind] = ErrorKind.TOO_MANY
    en: ClassVar[str] = "Your organisation sent {most} files within a day; send the next tomorrow."
    zh: ClassVar[str] = "贵组织一天内已发送 {most} 个文件；请明天再发送。"


class ImportedAlreadyError(DomainError):
    code: ClassVar[str] = "risk-file-imported-already"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "This very file was imported at {at} ({import_id}); nothing was changed."
    zh: ClassVar[str] = "该文件已于 {at} 导入（{import_id}）；未作任何更改。"


def import_file(
    *, session: Session, clock: Clock, acting: Acting, data: bytes, kind: ImportFormat
) -> Import:
    """Take a file. A bad one changes nothing else and is kept with what is wrong in it.

    Raises:
        FileEmptyError, FileTooLargeError, TooManyImportsError, ImportedAlreadyError: as they say.
    """
    digest = hashlib.sha256(data).digest()
    _check_acceptable(session, clock, acting, data, digest)
    read, source = _READERS[kind]
    problems: tuple[FileProblem, ...] = ()
    drafted: list[UUID] = []
    try:
        contents = read(data)
        with session.begin_nested():
            drafted = _drafted(session, clock, acting, contents, source)
    except FileRefused as refused:
        problems = refused.problems
    made = Import(
        id=clock.new_id(),
        organisation_id=acting.organisation_id,
        imported_by=author_of(acting),
        format=kind,
        state=ImportState.QUARANTINED if problems else ImportState.IMPORTED,
        size=len(data),
        sha256=digest,
        problems=problems,
        notice_ids=tuple(drafted),
        kept=data[:KEPT_BYTES_MAX] if problems else None,
        created_at=clock.now(),
    )
    if not store.insert_import(session, made):
        raise ImportedAlreadyError(at=made.created_at.isoformat(), import_id="-")
    _tell(session, made)
    return made


def list_imports(
    *, session: Session, acting: Acting, after: UUID | None, limit: int
) -> list[Import]:
    """A page of the files the organisation sent, by id."""
    return store.imports_after(session, acting.organisation_id, after=after, limit=limit)


def _check_acceptable(
    session: Session, clock: Clock, acting: Acting, data: bytes, digest: bytes
) -> None:
    if not data:
        raise FileEmptyError
    if len(data) > FILE_BYTES_MAX:
        raise FileTooLargeError(size=len(data), most=FILE_BYTES_MAX)
    since = clock.now() - _DAY
    if store.count_imports_since(session, acting.organisation_id, since) >= IMPORTS_PER_DAY_MAX:
        raise TooManyImportsError(most=IMPORTS_PER_DAY_MAX, retry_after_s=int(_DAY.total_seconds()))
    earlier = store.find_imported(session, acting.organisation_id, digest)
    if earlier is not None:
        raise ImportedAlreadyError(at=earlier.created_at.isoformat(), import_id=earlier.id)


def _drafted(
    session: Session,
    clock: Clock,
    acting: Acting,
    contents: Sequence[NoticeContent],
    source: NoticeSource,
) -> list[UUID]:
    return [
        draft(session=session, clock=clock, acting=acting, content=content, source=source).id
        for content in contents
    ]


def _tell(session: Session, made: Import) -> None:
    note(
        session,
        subject_kind="risk_import",
        subject_id=made.id,
        after={
            "format": made.format,
            "state": made.state,
            "size": made.size,
            "sha256": made.sha256.hex(),
            "notices": len(made.notice_ids),
        },
    )
