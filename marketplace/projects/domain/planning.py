"""The plan: work packages (工作包), milestones (里程碑), tasks (任务); and files with versions."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OrganisationId


class PlanInvalidError(DomainError):
    code: ClassVar[str] = "project-plan-invalid"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "This cannot be planned: {en}."
    zh: ClassVar[str] = "无法列入计划：{zh}。"


class PlanKind(StrEnum):
    WORK_PACKAGE = "work_package"
    MILESTONE = "milestone"
    TASK = "task"


class PlanState(StrEnum):
    OPEN = "open"
    DONE = "done"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class PlanItem:
    """``parent_id``: the work package of a milestone or task. ``lead_id`` answers for it."""

    id: UUID
    project_id: UUID
    organisation_id: OrganisationId
    kind: PlanKind
    parent_id: UUID | None
    title: str
    about: str
    lead_id: OrganisationId
    due_on: date | None
    state: PlanState
    created_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class FileVersion:
    """Version ``number`` of the file ``name``; immutable, with the SHA-256 of its bytes."""

    id: UUID
    project_id: UUID
    organisation_id: OrganisationId
    name: str
    number: int
    document_id: UUID
    media_type: str
    size: int
    sha256: str
    person_id: UUID | None
    created_at: datetime
    downloads: int = 0


def check_parent(kind: PlanKind, parent: PlanItem | None) -> None:
    """Let an item pass that lies within a work package, or a work package within nothing.

    Raises:
        PlanInvalidError: it is otherwise.
    """
    if parent is None:
        return
    if kind is PlanKind.WORK_PACKAGE or parent.kind is not PlanKind.WORK_PACKAGE:
        raise PlanInvalidError(
            en="only milestones and tasks lie in something, and that is a work package",
            zh="仅里程碑和任务可隶属于工作包",
        )
