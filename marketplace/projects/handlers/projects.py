"""Use cases of projects themselves and of places in them."""

from dataclasses import replace
from uuid import UUID

from sqlmodel import Session

from marketplace.calls import handlers as calls
from marketplace.projects import store
from marketplace.projects.domain.agreeing import AgreementState, Consent
from marketplace.projects.domain.project import (
    MEMBERS_MAX,
    WHOLE,
    Member,
    MemberMoveError,
    MemberState,
    Project,
    ProjectKind,
    ProjectPlaceError,
    ProjectState,
    answered,
    check_place,
)
from marketplace.projects.handlers.finding import joined, led, locked, tell, visible
from services.capacity.domain import Visibility
from services.contracts.access import Acting
from services.contracts.ids import OrganisationId
from services.identity import handlers as identity
from services.runtime.clock import Clock
from services.runtime.tenancy import also_showing


def start_project(
    *,
    session: Session,
    clock: Clock,
    acting: Acting,
    kind: ProjectKind,
    title: str,
    title_zh: str | None,
    about: str,
    visibility: Visibility,
    park: str | None = None,
    space_id: UUID | None = None,
    award_id: UUID | None = None,
) -> Project:
    """Start a project of the acting organisation, which holds the whole of it.

    Raises:
        ProjectPlaceError: park or space do not go with the visibility, or it is in neither.
        AwardNotFoundError: the organisation gave and won no such award.
    """
    check_place(visibility, park, space_id)
    _check_within_reach(session, acting, park=park, space_id=space_id, award_id=award_id)
    now, leader = clock.now(), acting.organisation_id
    started = Project(
        id=clock.new_id(),
        organisation_id=leader,
        kind=kind,
        title=title,
        title_zh=title_zh,
        about=about,
        state=ProjectState.ACTIVE,
        visibility=visibility,
        park=park,
        space_id=space_id,
        award_id=award_id,
        joined=(leader,),
        invited=(),
        created_at=now,
        updated_at=now,
    )
    first = Member(
        id=clock.new_id(),
        project_id=started.id,
        organisation_id=leader,
        person_id=None,
        role="lead",
        stake=WHOLE,
        state=MemberState.JOINED,
        invited_at=now,
        changed_at=now,
    )
    store.add(session, started, first)
    tell(session, clock, started, "project", before=None, after=started)
    return started


def get_project(*, session: Session, project_id: UUID) -> Project:
    """Read a project the caller sees.

    Raises:
        ProjectNotFoundError: there is none.
    """
    return visible(session, project_id)


def list_projects(*, session: Session, after: UUID | None, limit: int) -> list[Project]:
    """A page of the projects the caller sees, in order of starting."""
    return store.page(session, Project, after=after, limit=limit)


def close_project(
    *, session: Session, clock: Clock, organisation_id: OrganisationId, project_id: UUID
) -> Project:
    """Close an own project: it is read, and changed no more.

    Raises:
        ProjectNotFoundError, ProjectClosedError: none that can be closed.
    """
    found = led(session, project_id, organisation_id)
    closed = replace(found, state=ProjectState.CLOSED, updated_at=clock.now())
    store.save(session, closed, "state", "updated_at")
    tell(session, clock, closed, "project", before=found, after=closed)
    return closed


def list_members(
    *, session: Session, organisation_id: OrganisationId, project_id: UUID
) -> list[Member]:
    """Everybody who has or had a place, for who has one or is invited.

    Raises:
        ProjectNotFoundError: no such project.
    """
    joined(session, project_id, organisation_id, invited=True)
    return store.members(session, project_id)


def invite(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    project_id: UUID,
    invitee: OrganisationId,
    role: str,
) -> Member:
    """Invite an organisation into an own project, with no stake until all agree on one.

    Raises:
        ProjectNotFoundError, ProjectClosedError: no such project.
        OrganisationNotFoundError: no such organisation.
        MemberMoveError: it has a place, or there are too many.
    """
    project = led(session, project_id, organisation_id)
    identity.get_organisation(session=session, organisation_id=invitee)
    now, known = clock.now(), store.members(session, project_id)
    before = next((one for one in known if one.organisation_id == invitee), None)
    if len(known) >= MEMBERS_MAX or (
        before is not None and before.state in {MemberState.INVITED, MemberState.JOINED}
    ):
        state = "one of too many" if before is None else before.state
        raise MemberMoveError(organisation_id=invitee, state=state, wanted=MemberState.INVITED)
    invited = Member(
        id=clock.new_id() if before is None else before.id,
        project_id=project_id,
        organisation_id=invitee,
        person_id=None,
        role=role,
        stake=0,
        state=MemberState.INVITED,
        invited_at=now,
        changed_at=now,
    )
    if before is None:
        store.add(session, invited)
    else:
        store.save(session, invited, "role", "state", "invited_at", "changed_at")
    told = replace(project, invited=(*project.invited, invitee))
    tell(session, clock, told, "project_member", before=before, after=invited)
    return invited


def answer_invitation(
    *, session: Session, clock: Clock, acting: Acting, project_id: UUID, accepts: bool
) -> Member:
    """Join or decline; who joins accepts the stakes and terms in force.

    Raises:
        ProjectNotFoundError, ProjectClosedError, MemberMoveError: not invited to an open project.
    """
    own = acting.organisation_id
    project = locked(session, project_id, own, invited=True)
    found = next(one for one in store.members(session, project_id) if one.organisation_id == own)
    wanted = MemberState.JOINED if accepts else MemberState.DECLINED
    after = replace(answered(found, wanted, now=clock.now()), person_id=acting.principal.id)
    with also_showing(session, [project_id]):
        store.save(session, after, "state", "changed_at", "person_id")
    if accepts:
        for agreement in store.agreements(session, project_id, AgreementState.IN_FORCE):
            consent = Consent(
                id=clock.new_id(),
                project_id=project_id,
                agreement_id=agreement.id,
                organisation_id=own,
                person_id=acting.principal.id,
                accepts=True,
                at=clock.now(),
            )
            store.add(session, consent)
    tell(session, clock, project, "project_member", before=found, after=after)
    return after


def _check_within_reach(
    session: Session,
    acting: Acting,
    *,
    park: str | None,
    space_id: UUID | None,
    award_id: UUID | None,
) -> None:
    """A project is shown where its leader is, and carries out what it gave or won."""
    caller = acting.principal
    if park is not None and park not in caller.parks:
        raise ProjectPlaceError
    if space_id is not None and space_id not in caller.spaces:
        raise ProjectPlaceError
    if award_id is not None:
        calls.get_award(session=session, party=acting.organisation_id, award_id=award_id)
