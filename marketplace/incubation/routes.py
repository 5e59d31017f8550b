"""Programmes, cohorts and teams, investors vouched for, and introductions."""

from typing import Final
from uuid import UUID

from fastapi import APIRouter, Response

from marketplace.incubation.domain import Move
from marketplace.incubation.handlers import introductions as introducing
from marketplace.incubation.handlers import investors, programmes
from marketplace.incubation.handlers import teams as handlers
from marketplace.incubation.schemas import (
    ApprovalIn,
    ApprovalOut,
    FactOut,
    FactsOut,
    GraduationIn,
    IntroductionConsentIn,
    IntroductionIn,
    IntroductionOut,
    MilestoneIn,
    MilestoneOut,
    MilestonesOut,
    ProgrammeIn,
    ProgrammeOut,
    ReportIn,
    ShownListOut,
    SurvivalIn,
    TeamOut,
    TeamsOut,
)
from services.contracts.ids import OrganisationId
from services.contracts.policies import Action
from services.runtime.routing import api_router
from services.runtime.tabular import Page, PageDep
from services.runtime.web import ActingDep, ClockDep, CreationDep, SessionDep, requires

router = api_router(tags=["incubation"])
introductions = api_router(prefix="/introductions", tags=["incubation"])
ROUTERS: Final[tuple[APIRouter, ...]] = (router, introductions)


@router.post(
    "/incubation-programmes",
    status_code=201,
    response_model=ProgrammeOut,
    dependencies=[requires(Action.INCUBATION_RUN)],
)
def open_incubation_programme(
    asked: ProgrammeIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """Run an own cohort call as an incubation programme with a space of its own."""
    return creation.once(
        asked,
        lambda: ProgrammeOut.of(
            programmes.open_programme(
                session=session,
                clock=clock,
                organisation_id=acting.organisation_id,
                **dict(asked),
            ),
            acting,
        ),
    )


@router.get(
    "/incubation-programmes",
    response_model=Page[ProgrammeOut],
    dependencies=[requires(Action.INCUBATION_READ)],
)
def list_incubation_programmes(
    session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[ProgrammeOut] | Response:
    """Programmes whose calls one sees."""
    found = programmes.list_programmes(session=session, after=page.after, limit=page.fetch)
    return page.answer(
        found, lambda one: ProgrammeOut.of(one, acting), name="incubation-programmes"
    )


@router.get(
    "/incubation-programmes/{incubation_id}", dependencies=[requires(Action.INCUBATION_READ)]
)
def read_incubation_programme(
    incubation_id: UUID, session: SessionDep, acting: ActingDep
) -> ProgrammeOut:
    """One programme whose call one sees."""
    found = programmes.get_programme(session=session, programme_id=incubation_id)
    return ProgrammeOut.of(found, acting)


@router.post(
    "/incubation-programmes/{incubation_id}/cohort",
    dependencies=[requires(Action.INCUBATION_RUN)],
)
def form_cohort(
    incubation_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> TeamsOut:
    """Admit whoever won the call, and let them into the programme's space."""
    found = programmes.form_cohort(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        programme_id=incubation_id,
    )
    return TeamsOut.of(found)


@router.get(
    "/incubated-teams",
    response_model=Page[TeamOut],
    dependencies=[requires(Action.INCUBATED_TEAM_READ)],
)
def list_incubated_teams(
    session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[TeamOut] | Response:
    """Teams one incubates, is, or is shown as an approved investor."""
    found = handlers.list_teams(
        session=session, seen_by=acting.organisation_id, after=page.after, limit=page.fetch
    )
    return page.answer(found, TeamOut.of, name="incubated-teams")


@router.get(
    "/incubated-teams/{incubated_team_id}", dependencies=[requires(Action.INCUBATED_TEAM_READ)]
)
def read_incubated_team(incubated_team_id: UUID, session: SessionDep, acting: ActingDep) -> TeamOut:
    """One team one incubates, is, or is shown as an approved investor."""
    found = handlers.get_team(
        session=session, seen_by=acting.organisation_id, team=incubated_team_id
    )
    return TeamOut.of(found)


@router.post(
    "/incubated-teams/{incubated_team_id}/milestones",
    status_code=201,
    response_model=MilestoneOut,
    dependencies=[requires(Action.INCUBATED_TEAM_LEAD)],
)
def plan_incubation_milestone(
    incubated_team_id: UUID,
    asked: MilestoneIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """Give a team one incubates a milestone."""
    return creation.once(
        asked,
        lambda: MilestoneOut.of(
            handlers.plan(
                session=session,
                clock=clock,
                organisation_id=acting.organisation_id,
                team=incubated_team_id,
                **dict(asked),
            )
        ),
    )


@router.get(
    "/incubated-teams/{incubated_team_id}/milestones",
    dependencies=[requires(Action.INCUBATED_TEAM_READ)],
)
def list_incubation_milestones(
    incubated_team_id: UUID, session: SessionDep, acting: ActingDep
) -> MilestonesOut:
    """Milestones of a team one incubates or is."""
    found = handlers.list_milestones(
        session=session, party=acting.organisation_id, team=incubated_team_id
    )
    return MilestonesOut.of(found)


@router.post(
    "/incubation-milestones/{milestone_id}/report",
    dependencies=[requires(Action.MILESTONE_REPORT)],
)
def report_incubation_milestone(
    milestone_id: UUID, asked: ReportIn, session: SessionDep, acting: ActingDep
) -> MilestoneOut:
    """Say that the own team has reached a milestone, and how."""
    after = handlers.report(
        session=session, team_id=acting.organisation_id, milestone=milestone_id, said=asked.said
    )
    return MilestoneOut.of(after)


@router.post(
    "/incubation-milestones/{milestone_id}/confirmation",
    dependencies=[requires(Action.MILESTONE_CONFIRM)],
)
def confirm_incubation_milestone(
    milestone_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> MilestoneOut:
    """Confirm what a team one incubates has reported; it becomes a fact."""
    after = handlers.confirm(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        milestone=milestone_id,
    )
    return MilestoneOut.of(after)


@router.post(
    "/incubated-teams/{incubated_team_id}/graduation",
    dependencies=[requires(Action.INCUBATED_TEAM_LEAD)],
)
def graduate_team(
    incubated_team_id: UUID,
    asked: GraduationIn,
    session: SessionDep,
    clock: ClockDep,
    acting: ActingDep,
) -> TeamOut:
    """End the incubation of a team whose milestones are all confirmed."""
    after = handlers.graduate(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        team=incubated_team_id,
        because=asked.because,
    )
    return TeamOut.of(after)


@router.post(
    "/incubated-teams/{incubated_team_id}/survival",
    status_code=201,
    response_model=FactOut,
    dependencies=[requires(Action.INCUBATED_TEAM_LEAD)],
)
def note_team_survival(
    incubated_team_id: UUID,
    asked: SurvivalIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """Write down whether a graduated team was still in business on a day."""
    return creation.once(
        asked,
        lambda: FactOut.of(
            handlers.note_survival(
                session=session,
                clock=clock,
                organisation_id=acting.organisation_id,
                team=incubated_team_id,
                **dict(asked),
            )
        ),
    )


@router.get(
    "/incubated-teams/{incubated_team_id}/facts",
    dependencies=[requires(Action.INCUBATED_TEAM_READ)],
)
def list_team_facts(incubated_team_id: UUID, session: SessionDep, acting: ActingDep) -> FactsOut:
    """What happened to a team one incubates or is."""
    found = handlers.list_facts(
        session=session, party=acting.organisation_id, team=incubated_team_id
    )
    return FactsOut.of(found)


@router.post(
    "/investor-approvals",
    status_code=201,
    response_model=ApprovalOut,
    dependencies=[requires(Action.INVESTOR_APPROVE)],
)
def approve_investor(
    asked: ApprovalIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """Vouch for a verified investor, so that it can be introduced to teams one incubates."""
    return creation.once(
        asked,
        lambda: ApprovalOut.of(
            investors.approve(
                session=session,
                clock=clock,
                organisation_id=acting.organisation_id,
                investor_id=OrganisationId(asked.investor_id),
                because=asked.because,
            )
        ),
    )


@router.get(
    "/investor-approvals",
    response_model=Page[ApprovalOut],
    dependencies=[requires(Action.INVESTOR_APPROVAL_READ)],
)
def list_investor_approvals(session: SessionDep, page: PageDep) -> Page[ApprovalOut] | Response:
    """The public register of who vouches for which investor."""
    found = investors.list_approvals(session=session, after=page.after, limit=page.fetch)
    return page.answer(found, ApprovalOut.of, name="investor-approvals")


@router.post(
    "/investor-approvals/{approval_id}/withdrawal",
    dependencies=[requires(Action.INVESTOR_APPROVE)],
)
def withdraw_investor_approval(
    approval_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> ApprovalOut:
    """Vouch no more; what was shown to the investor through it is hidden at once."""
    after = investors.withdraw(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        approval_id=approval_id,
    )
    return ApprovalOut.of(after)


@introductions.post(
    "",
    status_code=201,
    response_model=IntroductionOut,
    dependencies=[requires(Action.INTRODUCTION_ASK)],
)
def ask_for_introduction(
    asked: IntroductionIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """Ask for an introduction, as the team or as the investor; nothing is shown by it."""
    return creation.once(
        asked,
        lambda: IntroductionOut.of(
            introducing.ask(
                session=session,
                clock=clock,
                party=acting.organisation_id,
                team=asked.incubated_team_id,
                investor_id=OrganisationId(asked.investor_id),
                purpose=asked.purpose,
            )
        ),
    )


@introductions.get(
    "",
    response_model=Page[IntroductionOut],
    dependencies=[requires(Action.INTRODUCTION_READ)],
)
def list_introductions(
    session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[IntroductionOut] | Response:
    """Introductions of the own team, to the own organisation, or of teams one incubates."""
    found = introducing.list_introductions(
        session=session, seen_by=acting.organisation_id, after=page.after, limit=page.fetch
    )
    return page.answer(found, IntroductionOut.of, name="introductions")


@introductions.get("/{introduction_id}", dependencies=[requires(Action.INTRODUCTION_READ)])
def read_introduction(
    introduction_id: UUID, session: SessionDep, acting: ActingDep
) -> IntroductionOut:
    """One introduction, without what it shows."""
    found = introducing.get_introduction(
        session=session, seen_by=acting.organisation_id, introduction_id=introduction_id
    )
    return IntroductionOut.of(found)


@introductions.post(
    "/{introduction_id}/consent", dependencies=[requires(Action.INTRODUCTION_CONSENT)]
)
def consent_to_introduction(
    introduction_id: UUID,
    asked: IntroductionConsentIn,
    session: SessionDep,
    clock: ClockDep,
    acting: ActingDep,
) -> IntroductionOut:
    """Show the investor exactly these figures, as of now, and documents, for a time."""
    after = introducing.consent(
        session=session,
        clock=clock,
        acting=acting,
        introduction_id=introduction_id,
        kinds=asked.figures,
        document_ids=asked.document_ids,
        expires_at=asked.expires_at,
    )
    return IntroductionOut.of(after)


@introductions.post(
    "/{introduction_id}/revocation", dependencies=[requires(Action.INTRODUCTION_CONSENT)]
)
def revoke_introduction(
    introduction_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> IntroductionOut:
    """Show the investor nothing any more."""
    after = introducing.move(
        session=session,
        clock=clock,
        party=acting.organisation_id,
        introduction_id=introduction_id,
        to=Move.REVOKE,
    )
    return IntroductionOut.of(after)


@introductions.post("/{introduction_id}/close", dependencies=[requires(Action.INTRODUCTION_ASK)])
def close_introduction(
    introduction_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> IntroductionOut:
    """Decline what the other side asked for, or give up what one asked for."""
    after = introducing.move(
        session=session,
        clock=clock,
        party=acting.organisation_id,
        introduction_id=introduction_id,
        to=Move.CLOSE,
    )
    return IntroductionOut.of(after)


@introductions.get("/{introduction_id}/items", dependencies=[requires(Action.INTRODUCTION_SEE)])
def list_introduction_items(
    introduction_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> ShownListOut:
    """What the team shows: all of it for the team, for the investor while the consent holds."""
    found = introducing.list_shown(
        session=session,
        clock=clock,
        party=acting.organisation_id,
        introduction_id=introduction_id,
    )
    return ShownListOut.of(found)
