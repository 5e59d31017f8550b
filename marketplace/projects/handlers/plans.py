"""Use cases of the plan of a project and of its files."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from uuid import UUID

from sqlmodel import Session

from marketplace.projects import store
from marketplace.projects.domain.planning import (
    FileVersion,
    PlanInvalidError,
    PlanItem,
    PlanKind,
    PlanState,
    check_parent,
)
from marketplace.projects.handlers.finding import joined, locked, part, tell
from marketplace.projects.tables import ProjectFileRow
from services.contracts.access import Acting
from services.contracts.confidentiality import CONFIDENTIAL
from services.contracts.ids import OrganisationId
from services.runtime.clock import Clock
from services.runtime.files import handlers as documents
from services.runtime.files.domain import Document


def plan(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    project_id: UUID,
    kind: PlanKind,
    title: str,
    about: str,
    parent_id: UUID | None,
    lead_id: OrganisationId,
    due_on: date | None,
) -> PlanItem:
    """Add a work package, milestone or task; ``lead_id`` is a member who answers for it.

    Raises:
        ProjectNotFoundError, ProjectClosedError, PartNotFoundError: no such project or parent.
        PlanInvalidError: it lies in no work package, or its lead is no member.
    """
    project = locked(session, project_id, organisation_id)
    parent = None if parent_id is None else part(session, PlanItem, "plan item", parent_id)
    check_parent(kind, parent)
    if lead_id not in project.joined or (parent is not None and parent.project_id != project_id):
        raise PlanInvalidError(
            en="its lead is a member, its parent of the same project",
            zh="负责人须为成员，上级须属于同一项目",
        )
    planned = PlanItem(
        id=clock.new_id(),
        project_id=project_id,
        organisation_id=organisation_id,
        kind=kind,
        parent_id=parent_id,
        title=title,
        about=about,
        lead_id=lead_id,
        due_on=due_on,
        state=PlanState.OPEN,
        created_at=clock.now(),
        changed_at=clock.now(),
    )
    store.add(session, planned)
    tell(session, clock, project, "project_plan_item", before=None, after=planned)
    return planned


def mark(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    item_id: UUID,
    state: PlanState,
) -> PlanItem:
    """Say that an item is done, dropped, or open again.

    Raises:
        PartNotFoundError, ProjectNotFoundError, ProjectClosedError: no such item.
    """
    found = part(session, PlanItem, "plan item", item_id)
    project = locked(session, found.project_id, organisation_id)
    marked = replace(found, state=state, changed_at=clock.now())
    store.save(session, marked, "state", "changed_at")
    tell(session, clock, project, "project_plan_item", before=found, after=marked)
    return marked


def list_plan(
    *,
    session: Session,
    organisation_id: OrganisationId,
    project_id: UUID,
    after: UUID | None,
    limit: int,
) -> list[PlanItem]:
    """A page of the plan, in order of planning.

    Raises:
        ProjectNotFoundError: no such project.
    """
    joined(session, project_id, organisation_id)
    return store.page(session, PlanItem, after=after, limit=limit, project_id=project_id)


def add_version(
    *,
    session: Session,
    clock: Clock,
    acting: Acting,
    project_id: UUID,
    name: str,
    document_id: UUID,
) -> FileVersion:
    """Share an own document with the members as the next version of a file.

    Raises:
        ProjectNotFoundError, ProjectClosedError: no such project.
        DocumentNotFoundError: no such own document.
    """
    project = locked(session, project_id, acting.organisation_id)
    document = documents.get_document(
        session=session, clock=clock, acting=acting, document_id=document_id
    )
    if document.organisation_id != acting.organisation_id:
        raise documents.DocumentNotFoundError(document_id=document_id)
    version = FileVersion(
        id=clock.new_id(),
        project_id=project_id,
        organisation_id=acting.organisation_id,
        name=name,
        number=store.next_number(session, ProjectFileRow, project_id=project_id, name=name),
        document_id=document.id,
        media_type=document.media_type,
        size=document.size,
        sha256=document.sha256.hex(),
        person_id=acting.principal.id,
        created_at=clock.now(),
    )
    store.add(session, version)
    tell(session, clock, project, "project_file", before=None, after=version)
    return version


def list_versions(
    *,
    session: Session,
    organisation_id: OrganisationId,
    project_id: UUID,
    after: UUID | None,
    limit: int,
) -> list[FileVersion]:
    """A page of every version of every file, with how often each was downloaded.

    Raises:
        ProjectNotFoundError: no such project.
    """
    joined(session, project_id, organisation_id)
    found = store.page(session, FileVersion, after=after, limit=limit, project_id=project_id)
    return _counted(session, found)


def download(*, session: Session, clock: Clock, acting: Acting, version_id: UUID) -> Document:
    """What is to be sent of a version; that it was taken, by whom, is on record.

    Raises:
        PartNotFoundError, ProjectNotFoundError: no such version.
    """
    found = part(session, FileVersion, "file version", version_id)
    joined(session, found.project_id, acting.organisation_id)
    store.add_download(
        session,
        found,
        download_id=clock.new_id(),
        organisation_id=acting.organisation_id,
        person_id=acting.principal.id,
        now=clock.now(),
    )
    return Document(
        id=found.document_id,
        organisation_id=found.organisation_id,
        name=found.name,
        media_type=found.media_type,
        size=found.size,
        sha256=bytes.fromhex(found.sha256),
        confidentiality=CONFIDENTIAL,
        subject_kind="project",
        subject_id=found.project_id,
        uploaded_by=found.person_id,
        created_at=found.created_at,
    )


def _counted(session: Session, found: Sequence[FileVersion]) -> list[FileVersion]:
    counts = store.downloads(session, [one.id for one in found])
    return [replace(one, downloads=counts.get(one.id, 0)) for one in found]
