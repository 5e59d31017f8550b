"""``/rounds``: open one, pool demands in it, close it, read how it came out."""

from uuid import UUID

from fastapi import Response

from marketplace.rounds import handlers
from marketplace.rounds.domain import FairnessTerms
from marketplace.rounds.schemas import OutcomeOut, PooledDemandIn, RoundIn, RoundOut
from marketplace.taxonomy.routes import TaxonomyDep
from services.contracts.ids import DemandId
from services.contracts.policies import Action
from services.runtime.routing import api_router
from services.runtime.tabular import Page, PageDep
from services.runtime.web import (
    ActingDep,
    ClockDep,
    CreationDep,
    LanguageDep,
    SessionDep,
    acting_organisation,
    requires,
)

router = api_router(prefix="/rounds", tags=["rounds"])


@router.post(
    "", status_code=201, response_model=RoundOut, dependencies=[requires(Action.ROUND_OPEN)]
)
def open_round(
    asked: RoundIn,
    session: SessionDep,
    clock: ClockDep,
    taxonomy: TaxonomyDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """Collect demands until ``closes_at``, then match them as a batch."""
    acting_organisation(acting, asked.organisation_id)

    def work() -> RoundOut:
        opened = handlers.open_round(
            session=session,
            clock=clock,
            acting=acting,
            title=asked.title,
            park=asked.park,
            space_id=asked.space_id,
            process=asked.process,
            currency=asked.currency,
            closes_at=asked.closes_at,
            terms=FairnessTerms(**asked.fairness.model_dump()),
            vocabulary=taxonomy,
        )
        return RoundOut.of(opened)

    return creation.once(asked, work)


@router.get("", response_model=Page[RoundOut], dependencies=[requires(Action.ROUND_READ)])
def list_rounds(session: SessionDep, page: PageDep, acting: ActingDep) -> Page[RoundOut] | Response:
    """Rounds one may join or see, in order of opening."""
    found = handlers.list_rounds(
        session=session, viewer=acting.organisation_id, after=page.after, limit=page.fetch
    )
    return page.answer(found, RoundOut.of, name="rounds")


@router.get("/{round_id}", dependencies=[requires(Action.ROUND_READ)])
def read_round(round_id: UUID, session: SessionDep, acting: ActingDep) -> RoundOut:
    """One round; its totals once it is decided."""
    return RoundOut.of(
        handlers.get_round(session=session, viewer=acting.organisation_id, round_id=round_id)
    )


@router.post("/{round_id}/close", dependencies=[requires(Action.ROUND_CLOSE)])
def close_round(
    round_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> RoundOut:
    """Let nobody join any more; the worker decides it within seconds."""
    closed = handlers.close_round(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        round_id=round_id,
    )
    return RoundOut.of(closed)


@router.post(
    "/{round_id}/demands",
    status_code=201,
    response_model=OutcomeOut,
    dependencies=[requires(Action.ROUND_JOIN)],
)
def join_round(
    round_id: UUID,
    asked: PooledDemandIn,
    session: SessionDep,
    clock: ClockDep,
    taxonomy: TaxonomyDep,
    creation: CreationDep,
    acting: ActingDep,
    language: LanguageDep,
) -> Response:
    """Pool an own demand. Should it win, a slot is held for it at the listed price."""

    def work() -> OutcomeOut:
        entry = handlers.join_round(
            session=session,
            clock=clock,
            organisation_id=acting.organisation_id,
            round_id=round_id,
            demand_id=DemandId(asked.demand_id),
            vocabulary=taxonomy,
        )
        return OutcomeOut.of(entry, language)

    return creation.once(asked, work)


@router.delete(
    "/{round_id}/demands/{demand_id}",
    status_code=204,
    dependencies=[requires(Action.ROUND_LEAVE)],
)
def leave_round(
    round_id: UUID, demand_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> None:
    """Take an own demand out of a round that is still open."""
    handlers.leave_round(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        round_id=round_id,
        demand_id=DemandId(demand_id),
    )


@router.get(
    "/{round_id}/outcomes",
    response_model=Page[OutcomeOut],
    dependencies=[requires(Action.OUTCOME_READ)],
)
def list_outcomes(
    round_id: UUID,
    session: SessionDep,
    page: PageDep,
    acting: ActingDep,
    language: LanguageDep,
) -> Page[OutcomeOut] | Response:
    """How own demands came out, with what their time is worth to others; nobody else's."""
    found = handlers.list_outcomes(
        session=session,
        organisation_id=acting.organisation_id,
        round_id=round_id,
        after=page.after,
        limit=page.fetch,
    )
    return page.answer(found, lambda entry: OutcomeOut.of(entry, language), name="outcomes")
