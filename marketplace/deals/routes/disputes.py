"""Early settlements, disputes, decisions; and what the record says of both sides."""

from uuid import UUID

from fastapi import Response

from marketplace.deals.handlers import disputes as handlers
from marketplace.deals.handlers import following
from marketplace.deals.schemas.disputes import (
    AgreementIn,
    DecisionIn,
    DisputeIn,
    DisputeOut,
    ProposalIn,
    ProposalOut,
    ScoreOut,
    ScoresOut,
)
from marketplace.deals.schemas.orders import OrderOut
from services.contracts.ids import OrganisationId
from services.contracts.policies import Action
from services.runtime.routing import api_router
from services.runtime.tabular import Page, PageDep
from services.runtime.web import (
    ActingDep,
    ClockDep,
    CreationDep,
    LanguageDep,
    SessionDep,
    requires,
)

router = api_router(tags=["deals"])


@router.post(
    "/orders/{order_id}/proposals",
    status_code=201,
    response_model=ProposalOut,
    dependencies=[requires(Action.SETTLEMENT_PROPOSE)],
)
def propose_settlement(
    order_id: UUID,
    asked: ProposalIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """Say how to settle what the escrow holds: now, though not all is delivered, or in dispute."""

    def work() -> ProposalOut:
        proposal = handlers.propose(
            session=session,
            clock=clock,
            party=acting.organisation_id,
            order_id=order_id,
            split=None if asked.split is None else asked.split.split(),
            because=asked.because,
        )
        return ProposalOut.of(proposal)

    return creation.once(asked, work)


@router.get(
    "/orders/{order_id}/proposals",
    response_model=Page[ProposalOut],
    dependencies=[requires(Action.ORDER_READ)],
)
def list_proposals(
    order_id: UUID, session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[ProposalOut] | Response:
    """What was proposed for an order, in order."""
    found = handlers.list_proposals(
        session=session,
        party=acting.organisation_id,
        order_id=order_id,
        after=page.after,
        limit=page.fetch,
    )
    return page.answer(found, ProposalOut.of, name="proposals")


@router.post("/orders/{order_id}/agreement", dependencies=[requires(Action.SETTLEMENT_PROPOSE)])
def agree_to_settlement(
    order_id: UUID, asked: AgreementIn, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> OrderOut:
    """Settle as the other side proposed; a dispute over the order ends with it."""
    settled = handlers.agree(
        session=session,
        clock=clock,
        party=acting.organisation_id,
        order_id=order_id,
        proposal_id=asked.proposal_id,
    )
    return OrderOut.of(settled)


@router.post(
    "/orders/{order_id}/disputes",
    status_code=201,
    response_model=DisputeOut,
    dependencies=[requires(Action.DISPUTE_OPEN)],
)
def open_dispute(
    order_id: UUID,
    asked: DisputeIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """Have nothing leave the escrow until both sides agree, or an arbiter decides."""

    def work() -> DisputeOut:
        dispute = handlers.open_dispute(
            session=session,
            clock=clock,
            acting=acting,
            order_id=order_id,
            category=asked.category,
            reason=asked.reason,
            evidence=asked.documents,
        )
        return DisputeOut.of(dispute)

    return creation.once(asked, work)


@router.get(
    "/disputes", response_model=Page[DisputeOut], dependencies=[requires(Action.DISPUTE_READ)]
)
def list_disputes(
    session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[DisputeOut] | Response:
    """Disputes one is a party to, or all as arbiter, in order of opening."""
    found = handlers.list_disputes(
        session=session, acting=acting, after=page.after, limit=page.fetch
    )
    return page.answer(found, DisputeOut.of, name="disputes")


@router.get("/disputes/{dispute_id}", dependencies=[requires(Action.DISPUTE_READ)])
def read_dispute(dispute_id: UUID, session: SessionDep, acting: ActingDep) -> DisputeOut:
    """One dispute, and how it ended."""
    return DisputeOut.of(
        handlers.get_dispute(session=session, acting=acting, dispute_id=dispute_id)
    )


@router.post("/disputes/{dispute_id}/decision", dependencies=[requires(Action.DISPUTE_DECIDE)])
def decide_dispute(
    dispute_id: UUID, asked: DecisionIn, session: SessionDep, clock: ClockDep
) -> DisputeOut:
    """Decide what goes to the supplier and what back; the worker pays it within seconds."""
    decided = handlers.decide(
        session=session,
        clock=clock,
        dispute_id=dispute_id,
        split=asked.split.split(),
        because=asked.because,
    )
    return DisputeOut.of(decided)


@router.get("/organisations/{organisation_id}/scores", dependencies=[requires(Action.SCORE_READ)])
def read_scores(organisation_id: UUID, session: SessionDep, language: LanguageDep) -> ScoresOut:
    """What the record says of an organisation: every figure with its definition and sample."""
    found = following.get_scores(session=session, organisation_id=OrganisationId(organisation_id))
    return ScoresOut(
        organisation_id=organisation_id,
        scores=[ScoreOut.of(score, language) for score in found],
    )
