"""Finding what the caller has a place in, and telling what changed."""

from typing import Any, ClassVar, TypeVar
from uuid import UUID

from sqlmodel import Session

from marketplace.projects import store
from marketplace.projects.domain.project import Project, check_open
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.events.projects import ProjectChanged
from services.contracts.ids import OrganisationId
from services.runtime.audit.recording import note
from services.runtime.clock import Clock
from services.runtime.outbox import emit
from services.runtime.tenancy import principal_of

KeptT = TypeVar("KeptT")


class ProjectNotFoundError(DomainError):
    code: ClassVar[str] = "project-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "No project {project_id} is open to you; list /projects."
    zh: ClassVar[str] = "没有您可查看的项目 {project_id}；请查看 /projects。"


class PartNotFoundError(DomainError):
    code: ClassVar[str] = "project-part-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "No {thing} {part_id} is in a project of yours; list those of the project."
    zh: ClassVar[str] = "在您的项目中没有 {thing} {part_id}；请查看项目的相应列表。"


def visible(session: Session, project_id: UUID) -> Project:
    """A project the caller may see.

    Raises:
        ProjectNotFoundError: there is none.
    """
    found = store.find(session, Project, project_id)
    if found is None:
        raise ProjectNotFoundError(project_id=project_id)
    return found


def joined(
    session: Session, project_id: UUID, organisation_id: OrganisationId, *, invited: bool = False
) -> Project:
    """A project the organisation has joined; or, with ``invited``, is asked to join.

    Raises:
        ProjectNotFoundError: there is none.
    """
    return _placed(visible(session, project_id), organisation_id, invited=invited)


def locked(
    session: Session, project_id: UUID, organisation_id: OrganisationId, *, invited: bool = False
) -> Project:
    """As ``joined``, open, and changed by nobody else until the transaction ends.

    Raises:
        ProjectNotFoundError, ProjectClosedError: there is none that can be changed.
    """
    found = store.lock_project(session, project_id)
    if found is None:
        raise ProjectNotFoundError(project_id=project_id)
    check_open(_placed(found, organisation_id, invited=invited))
    return found


def led(session: Session, project_id: UUID, organisation_id: OrganisationId) -> Project:
    """As ``locked``, and led by the organisation.

    Raises:
        ProjectNotFoundError, ProjectClosedError: there is none that can be changed.
    """
    found = store.lock_project(session, project_id)
    if found is None or found.organisation_id != organisation_id:
        raise ProjectNotFoundError(project_id=project_id)
    check_open(found)
    return found


def part(session: Session, kind: type[KeptT], thing: str, part_id: UUID) -> KeptT:
    """A part of a project, as far as the caller may see it.

    Raises:
        PartNotFoundError: there is none.
    """
    found = store.find(session, kind, part_id)
    if found is None:
        raise PartNotFoundError(thing=thing, part_id=part_id)
    return found


def tell(
    session: Session, clock: Clock, project: Project, change: str, *, before: Any, after: Any
) -> None:
    """Note a change in the caller's trail and tell it to the members."""
    subject = (before or after).id
    note(
        session,
        subject_kind=change,
        subject_id=subject,
        before=before,
        after=after,
        organisation_id=principal_of(session).organisation_id or project.organisation_id,
    )
    now = clock.now()
    event = ProjectChanged(
        id=clock.new_id(),
        occurred_at=now,
        project_id=project.id,
        organisation_id=project.organisation_id,
        change=change,
        subject_id=subject,
        state=str(getattr(after, "state", "")),
        audience=project.audience,
    )
    emit(session, event, now=now)


def _placed(found: Project, organisation_id: OrganisationId, *, invited: bool) -> Project:
    places = (*found.joined, *found.invited) if invited else found.joined
    if organisation_id not in places:
        raise ProjectNotFoundError(project_id=found.id)
    return found
