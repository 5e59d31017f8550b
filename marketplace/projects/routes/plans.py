"""``/projects/…/plan``, ``…/files``, ``…/income``: the work of a project and what it brought."""

from uuid import UUID

from fastapi import Response
from starlette.responses import StreamingResponse

from marketplace.projects.handlers import earnings
from marketplace.projects.handlers import plans as handlers
from marketplace.projects.schemas import (
    FileIn,
    FileVersionOut,
    PlanItemIn,
    PlanItemOut,
    PlanStateIn,
    TeamIncomeOut,
)
from services.contracts.ids import OrganisationId
from services.contracts.policies import Action
from services.runtime.files import handlers as documents
from services.runtime.files.names import attachment
from services.runtime.files.routes import AS_A_FILE, IntakeDep
from services.runtime.routing import api_router
from services.runtime.tabular import Page, PageDep
from services.runtime.web import ActingDep, ClockDep, CreationDep, SessionDep, requires

router = api_router(tags=["projects"])


@router.post(
    "/projects/{project_id}/plan",
    status_code=201,
    response_model=PlanItemOut,
    dependencies=[requires(Action.PROJECT_WORK)],
)
def plan_item(
    project_id: UUID,
    asked: PlanItemIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """Add a work package, milestone or task."""

    def work() -> PlanItemOut:
        planned = handlers.plan(
            session=session,
            clock=clock,
            organisation_id=acting.organisation_id,
            project_id=project_id,
            kind=asked.kind,
            title=asked.title,
            about=asked.about,
            parent_id=asked.parent_id,
            lead_id=OrganisationId(asked.lead_id or acting.organisation_id),
            due_on=asked.due_on,
        )
        return PlanItemOut.of(planned)

    return creation.once(asked, work)


@router.get(
    "/projects/{project_id}/plan",
    response_model=Page[PlanItemOut],
    dependencies=[requires(Action.PROJECT_WORK)],
)
def list_plan(
    project_id: UUID, session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[PlanItemOut] | Response:
    """Work packages, milestones and tasks, in order of planning."""
    found = handlers.list_plan(
        session=session,
        organisation_id=acting.organisation_id,
        project_id=project_id,
        after=page.after,
        limit=page.fetch,
    )
    return page.answer(found, PlanItemOut.of, name="plan")


@router.put("/plan-items/{plan_item_id}/state", dependencies=[requires(Action.PROJECT_WORK)])
def mark_plan_item(
    plan_item_id: UUID,
    asked: PlanStateIn,
    session: SessionDep,
    clock: ClockDep,
    acting: ActingDep,
) -> PlanItemOut:
    """Say that an item is done, dropped, or open again."""
    marked = handlers.mark(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        item_id=plan_item_id,
        state=asked.state,
    )
    return PlanItemOut.of(marked)


@router.post(
    "/projects/{project_id}/files",
    status_code=201,
    response_model=FileVersionOut,
    dependencies=[requires(Action.PROJECT_WORK)],
)
def add_file_version(
    project_id: UUID,
    asked: FileIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """Share an own document with the members as the next version of a file."""

    def work() -> FileVersionOut:
        version = handlers.add_version(
            session=session,
            clock=clock,
            acting=acting,
            project_id=project_id,
            name=asked.name,
            document_id=asked.document_id,
        )
        return FileVersionOut.of(version)

    return creation.once(asked, work)


@router.get(
    "/projects/{project_id}/files",
    response_model=Page[FileVersionOut],
    dependencies=[requires(Action.PROJECT_WORK)],
)
def list_file_versions(
    project_id: UUID, session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[FileVersionOut] | Response:
    """Every version of every file, with how often it was downloaded."""
    found = handlers.list_versions(
        session=session,
        organisation_id=acting.organisation_id,
        project_id=project_id,
        after=page.after,
        limit=page.fetch,
    )
    return page.answer(found, FileVersionOut.of, name="files")


@router.post(
    "/file-versions/{file_version_id}/download",
    response_class=StreamingResponse,
    dependencies=[requires(Action.PROJECT_WORK)],
)
def download_file_version(
    file_version_id: UUID,
    session: SessionDep,
    clock: ClockDep,
    acting: ActingDep,
    intake: IntakeDep,
) -> Response:
    """The bytes of a version; each download is counted, so it is a POST."""
    document = handlers.download(
        session=session, clock=clock, acting=acting, version_id=file_version_id
    )
    return StreamingResponse(
        documents.content_of(document, intake.storage.open(document.sha256)),
        media_type=document.media_type,
        headers={
            **AS_A_FILE,
            "Content-Disposition": attachment(document.name),
            "Content-Length": str(document.size),
            "ETag": f'"{document.sha256.hex()}"',
        },
    )


@router.get(
    "/projects/{project_id}/income",
    response_model=Page[TeamIncomeOut],
    dependencies=[requires(Action.PROJECT_WORK)],
)
def list_team_income(
    project_id: UUID, session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[TeamIncomeOut] | Response:
    """A team's statement: what each settled gig brought, and how it was shared."""
    found = earnings.list_income(
        session=session,
        organisation_id=acting.organisation_id,
        project_id=project_id,
        after=page.after,
        limit=page.fetch,
    )
    return page.answer(found, TeamIncomeOut.of, name="income")
