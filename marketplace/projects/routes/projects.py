"""``/projects``: start, see, close; invite and join."""

from uuid import UUID

from fastapi import Response

from marketplace.projects.handlers import projects as handlers
from marketplace.projects.schemas import (
    AnswerIn,
    InviteIn,
    MemberOut,
    MembersOut,
    ProjectIn,
    ProjectOut,
)
from services.contracts.ids import OrganisationId
from services.contracts.policies import Action
from services.runtime.routing import api_router
from services.runtime.tabular import Page, PageDep
from services.runtime.web import ActingDep, ClockDep, CreationDep, SessionDep, requires

router = api_router(prefix="/projects", tags=["projects"])


@router.post(
    "",
    status_code=201,
    response_model=ProjectOut,
    dependencies=[requires(Action.PROJECT_START)],
)
def start_project(
    asked: ProjectIn, session: SessionDep, clock: ClockDep, creation: CreationDep, acting: ActingDep
) -> Response:
    """Start an R&D project, micro-team or incubated team; the starter holds the whole of it."""

    def work() -> ProjectOut:
        started = handlers.start_project(
            session=session,
            clock=clock,
            acting=acting,
            kind=asked.kind,
            title=asked.title,
            title_zh=asked.title_zh,
            about=asked.about,
            visibility=asked.visibility,
            park=asked.park,
            space_id=asked.space_id,
            award_id=asked.award_id,
        )
        return ProjectOut.of(started)

    return creation.once(asked, work)


@router.get("", response_model=Page[ProjectOut], dependencies=[requires(Action.PROJECT_READ)])
def list_projects(
    session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[ProjectOut] | Response:
    """Projects one sees, in order of starting."""
    del acting
    found = handlers.list_projects(session=session, after=page.after, limit=page.fetch)
    return page.answer(found, ProjectOut.of, name="projects")


@router.get("/{project_id}", dependencies=[requires(Action.PROJECT_READ)])
def read_project(project_id: UUID, session: SessionDep, acting: ActingDep) -> ProjectOut:
    """One project, without what is its members'."""
    del acting
    return ProjectOut.of(handlers.get_project(session=session, project_id=project_id))


@router.post("/{project_id}/close", dependencies=[requires(Action.PROJECT_LEAD)])
def close_project(
    project_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> ProjectOut:
    """Close an own project: it is read, and changed no more."""
    closed = handlers.close_project(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        project_id=project_id,
    )
    return ProjectOut.of(closed)


@router.get("/{project_id}/members", dependencies=[requires(Action.PROJECT_WORK)])
def list_project_members(project_id: UUID, session: SessionDep, acting: ActingDep) -> MembersOut:
    """Who has or had a place, with its stake."""
    found = handlers.list_members(
        session=session, organisation_id=acting.organisation_id, project_id=project_id
    )
    return MembersOut(items=[MemberOut.of(one) for one in found])


@router.post(
    "/{project_id}/members",
    status_code=201,
    response_model=MemberOut,
    dependencies=[requires(Action.PROJECT_LEAD)],
)
def invite_member(
    project_id: UUID,
    asked: InviteIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """Invite an organisation into an own project."""

    def work() -> MemberOut:
        invited = handlers.invite(
            session=session,
            clock=clock,
            organisation_id=acting.organisation_id,
            project_id=project_id,
            invitee=OrganisationId(asked.invitee_id),
            role=asked.role,
        )
        return MemberOut.of(invited)

    return creation.once(asked, work)


@router.post("/{project_id}/invitation", dependencies=[requires(Action.PROJECT_JOIN)])
def answer_project_invitation(
    project_id: UUID, asked: AnswerIn, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> MemberOut:
    """Join, accepting the stakes and terms in force, or decline."""
    answered = handlers.answer_invitation(
        session=session, clock=clock, acting=acting, project_id=project_id, accepts=asked.accepts
    )
    return MemberOut.of(answered)
