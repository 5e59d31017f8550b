"""A file of notices: what it holds, or every place at which it is wrong."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from services.contracts.ids import OrganisationId
from services.risk.domain.notice import NoticeContent

FILE_BYTES_MAX: Final = 1024 * 1024
NOTICES_PER_FILE_MAX: Final = 500
PROBLEMS_MAX: Final = 50
"""Problems that are told; a file may have more."""
KEPT_BYTES_MAX: Final = 64 * 1024
"""Of a quarantined file; its size and SHA-256 are of the whole."""
IMPORTS_PER_DAY_MAX: Final = 100
"""Of one organisation, within 24 hours."""


class ImportFormat(StrEnum):
    CSV = "csv"
    CSAF = "csaf"


class ImportState(StrEnum):
    IMPORTED = "imported"
    QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True)
class FileProblem:
    """``place``: a line and column of a CSV file, a JSON pointer (RFC 6901) of a CSAF one."""

    place: str
    en: str
    zh: str


class FileRefused(Exception):  # noqa: N818 - a verdict on a file, kept with it
    """A file with problems; nothing of it is taken."""

    def __init__(self, problems: list[FileProblem]) -> None:
        self.problems = tuple(_storable(problem) for problem in problems[:PROBLEMS_MAX])
        super().__init__(f"{len(problems)} problems")


@dataclass(frozen=True, slots=True)
class Import:
    """A file somebody sent; ``kept`` is its beginning if it was quarantined."""

    id: UUID
    organisation_id: OrganisationId
    imported_by: UUID
    format: ImportFormat
    state: ImportState
    size: int
    sha256: bytes
    problems: tuple[FileProblem, ...]
    notice_ids: tuple[UUID, ...]
    kept: bytes | None
    created_at: datetime


def checked_number(contents: list[NoticeContent], *, place: str) -> list[NoticeContent]:
    """The notices of a file.

    Raises:
        FileRefused: none, or too many.
    """
    if not contents:
        raise FileRefused([FileProblem(place, "there is no notice", "没有任何通报")])
    return contents


def _storable(problem: FileProblem) -> FileProblem:
    """Without what neither a database nor a log takes: texts of the file stand in problems."""

    def clean(text: str) -> str:
        return text.encode(errors="backslashreplace").decode().replace("\0", "\\0")[:1_000]

    return FileProblem(clean(problem.place), clean(problem.en), clean(problem.zh))
