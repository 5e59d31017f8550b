"""``/projects/…/stakes``, ``…/ip-terms``, ``…/decisions``: what all accept, what is voted on."""

from uuid import UUID

from fastapi import Response

from marketplace.projects.domain.agreeing import AgreementKind
from marketplace.projects.handlers import agreements as handlers
from marketplace.projects.handlers import decisions
from marketplace.projects.schemas import (
    AgreementOut,
    AnsweredOut,
    AnswerIn,
    DecisionIn,
    DecisionOut,
    StakesIn,
    TermsIn,
    VotedOut,
    VoteIn,
)
from services.contracts.policies import Action
from services.runtime.routing import api_router
from services.runtime.tabular import Page, PageDep
from services.runtime.web import ActingDep, ClockDep, CreationDep, SessionDep, requires

router = api_router(tags=["projects"])


@router.post(
    "/projects/{project_id}/stakes",
    status_code=201,
    response_model=AgreementOut,
    dependencies=[requires(Action.PROJECT_AGREE)],
)
def propose_stakes(
    project_id: UUID,
    asked: StakesIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """Propose new stakes, or to leave; in force once every member accepts."""

    def work() -> AgreementOut:
        proposed = handlers.propose(
            session=session,
            clock=clock,
            acting=acting,
            project_id=project_id,
            kind=AgreementKind.STAKES,
            parts=asked.by_member(),
            document={},
            leaves=asked.leaves,
        )
        return AgreementOut.of(proposed)

    return creation.once(asked, work)


@router.post(
    "/projects/{project_id}/ip-terms",
    status_code=201,
    response_model=AgreementOut,
    dependencies=[requires(Action.PROJECT_AGREE)],
)
def propose_ip_terms(
    project_id: UUID,
    asked: TermsIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """Propose terms of intellectual property; in force once every member accepts."""

    def work() -> AgreementOut:
        proposed = handlers.propose(
            session=session,
            clock=clock,
            acting=acting,
            project_id=project_id,
            kind=AgreementKind.IP_TERMS,
            parts=asked.by_member(),
            document=asked.document(),
        )
        return AgreementOut.of(proposed)

    return creation.once(asked, work)


@router.get(
    "/projects/{project_id}/agreements",
    response_model=Page[AgreementOut],
    dependencies=[requires(Action.PROJECT_WORK)],
)
def list_project_agreements(
    project_id: UUID, session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[AgreementOut] | Response:
    """Versions of stakes and terms, in order of proposing."""
    found = handlers.list_agreements(
        session=session,
        organisation_id=acting.organisation_id,
        project_id=project_id,
        after=page.after,
        limit=page.fetch,
    )
    return page.answer(found, AgreementOut.of, name="agreements")


@router.get(
    "/project-agreements/{project_agreement_id}", dependencies=[requires(Action.PROJECT_WORK)]
)
def read_project_agreement(
    project_agreement_id: UUID, session: SessionDep, acting: ActingDep
) -> AnsweredOut:
    """One version, with who accepted it when."""
    found, said = handlers.get_agreement(
        session=session,
        organisation_id=acting.organisation_id,
        agreement_id=project_agreement_id,
    )
    return AnsweredOut.with_consents(found, said)


@router.post(
    "/project-agreements/{project_agreement_id}/answer",
    dependencies=[requires(Action.PROJECT_AGREE)],
)
def answer_project_agreement(
    project_agreement_id: UUID,
    asked: AnswerIn,
    session: SessionDep,
    clock: ClockDep,
    acting: ActingDep,
) -> AgreementOut:
    """Accept or refuse, once."""
    answered = handlers.answer(
        session=session,
        clock=clock,
        acting=acting,
        agreement_id=project_agreement_id,
        accepts=asked.accepts,
    )
    return AgreementOut.of(answered)


@router.post(
    "/projects/{project_id}/decisions",
    status_code=201,
    response_model=DecisionOut,
    dependencies=[requires(Action.PROJECT_WORK)],
)
def propose_project_decision(
    project_id: UUID,
    asked: DecisionIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """Put something to the vote."""

    def work() -> DecisionOut:
        proposed = decisions.propose_decision(
            session=session,
            clock=clock,
            organisation_id=acting.organisation_id,
            project_id=project_id,
            title=asked.title,
            text=asked.text,
            weighing=asked.weighing,
            quorum=asked.quorum,
            majority=asked.majority,
            closes_at=asked.closes_at,
        )
        return DecisionOut.of(proposed)

    return creation.once(asked, work)


@router.get(
    "/projects/{project_id}/decisions",
    response_model=Page[DecisionOut],
    dependencies=[requires(Action.PROJECT_WORK)],
)
def list_project_decisions(
    project_id: UUID, session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[DecisionOut] | Response:
    """What was put to the vote, in order."""
    found = decisions.list_decisions(
        session=session,
        organisation_id=acting.organisation_id,
        project_id=project_id,
        after=page.after,
        limit=page.fetch,
    )
    return page.answer(found, DecisionOut.of, name="decisions")


@router.get(
    "/project-decisions/{project_decision_id}", dependencies=[requires(Action.PROJECT_WORK)]
)
def read_project_decision(
    project_decision_id: UUID, session: SessionDep, acting: ActingDep
) -> VotedOut:
    """One decision with its votes."""
    found, cast = decisions.get_decision(
        session=session, organisation_id=acting.organisation_id, decision_id=project_decision_id
    )
    return VotedOut.with_votes(found, cast)


@router.put(
    "/project-decisions/{project_decision_id}/vote",
    dependencies=[requires(Action.PROJECT_WORK)],
)
def vote_on_project_decision(
    project_decision_id: UUID,
    asked: VoteIn,
    session: SessionDep,
    clock: ClockDep,
    acting: ActingDep,
) -> DecisionOut:
    """Vote, or vote anew while it is open."""
    voted = decisions.vote(
        session=session,
        clock=clock,
        acting=acting,
        decision_id=project_decision_id,
        choice=asked.choice,
    )
    return DecisionOut.of(voted)
