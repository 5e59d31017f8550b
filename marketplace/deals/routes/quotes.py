"""Quotes: give, read, take back; as buyer compare, shortlist, hold their slots, award."""

from datetime import timedelta
from uuid import UUID

from fastapi import Request, Response

from marketplace.deals.domain.quoting import MilestoneTerm
from marketplace.deals.handlers import bidding, choosing
from marketplace.deals.schemas.orders import OrderOut
from marketplace.deals.schemas.quotes import ComparedOut, QuoteIn, QuoteOut
from marketplace.deals.templates import template_named
from services.contracts.policies import Action
from services.identity import handlers as identity
from services.runtime.routing import api_router
from services.runtime.tabular import Page, PageDep
from services.runtime.web import ActingDep, ClockDep, CreationDep, SessionDep, requires

router = api_router(tags=["deals"])


@router.post(
    "/deals/{deal_id}/quotes",
    status_code=201,
    response_model=QuoteOut,
    dependencies=[requires(Action.QUOTE_GIVE)],
)
def give_quote(
    deal_id: UUID,
    asked: QuoteIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """Quote for the present revision; an earlier quote of yours holds no more."""

    def work() -> QuoteOut:
        quote = bidding.give_quote(
            session=session,
            clock=clock,
            supplier_id=acting.organisation_id,
            deal_id=deal_id,
            documents=[line.document() for line in asked.lines],
            lead_days=asked.lead_days,
            valid_until=asked.valid_until,
            slots_offered=[slot.slot() for slot in asked.slots],
            milestones=_milestones(asked),
            remark=asked.note,
        )
        return QuoteOut.of(quote)

    return creation.once(asked, work)


@router.get(
    "/deals/{deal_id}/comparison",
    response_model=Page[ComparedOut],
    dependencies=[requires(Action.QUOTE_COMPARE)],
)
def compare_quotes(
    deal_id: UUID, session: SessionDep, clock: ClockDep, page: PageDep, acting: ActingDep
) -> Page[ComparedOut] | Response:
    """The quotes that can be awarded side by side, cheapest first; also as CSV or Excel."""
    compared = choosing.compare_quotes(
        session=session, clock=clock, organisation_id=acting.organisation_id, deal_id=deal_id
    )
    firms = identity.organisations_by_id(
        session=session, organisation_ids={one.quote.supplier_id for one in compared}
    )
    return page.answer(
        compared,
        lambda one: ComparedOut.of(one, firms[one.quote.supplier_id].name),
        name="comparison",
    )


@router.get("/quotes", response_model=Page[QuoteOut], dependencies=[requires(Action.QUOTE_READ)])
def list_quotes(
    session: SessionDep, page: PageDep, acting: ActingDep, deal_id: UUID | None = None
) -> Page[QuoteOut] | Response:
    """Quotes one gave or received, of all versions, in order of giving."""
    found = bidding.list_quotes(
        session=session,
        party=acting.organisation_id,
        deal_id=deal_id,
        after=page.after,
        limit=page.fetch,
    )
    return page.answer(found, QuoteOut.of, name="quotes")


@router.get("/quotes/{quote_id}", dependencies=[requires(Action.QUOTE_READ)])
def read_quote(quote_id: UUID, session: SessionDep, acting: ActingDep) -> QuoteOut:
    """One quote, for its supplier and for who asked."""
    return QuoteOut.of(
        bidding.get_quote(session=session, party=acting.organisation_id, quote_id=quote_id)
    )


@router.post("/quotes/{quote_id}/take-back", dependencies=[requires(Action.QUOTE_TAKE_BACK)])
def take_back_quote(
    quote_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> QuoteOut:
    """Withdraw an own quote; not any more once its slots are held."""
    taken = bidding.take_back_quote(
        session=session, clock=clock, supplier_id=acting.organisation_id, quote_id=quote_id
    )
    return QuoteOut.of(taken)


@router.post("/quotes/{quote_id}/shortlist", dependencies=[requires(Action.QUOTE_CHOOSE)])
def shortlist_quote(
    quote_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> QuoteOut:
    """Consider a quote for the award."""
    chosen = choosing.shortlist(
        session=session, clock=clock, organisation_id=acting.organisation_id, quote_id=quote_id
    )
    return QuoteOut.of(chosen)


@router.post("/quotes/{quote_id}/hold", dependencies=[requires(Action.QUOTE_CHOOSE)])
def hold_slots(
    quote_id: UUID, request: Request, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> QuoteOut:
    """Hold the slots of a shortlisted quote, all or none, for a day at most."""
    held = choosing.hold_slots(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        quote_id=quote_id,
        stale_after=timedelta(seconds=request.app.state.settings.seen_stale_after_s),
    )
    return QuoteOut.of(held)


@router.post(
    "/quotes/{quote_id}/award",
    status_code=201,
    response_model=OrderOut,
    dependencies=[requires(Action.QUOTE_CHOOSE)],
)
def award_quote(
    quote_id: UUID,
    request: Request,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """Order what a shortlisted quote offers; its slots are firm, all other bids passed over."""
    stale_after = timedelta(seconds=request.app.state.settings.seen_stale_after_s)
    return creation.once(
        None,
        lambda: OrderOut.of(
            choosing.award(
                session=session,
                clock=clock,
                organisation_id=acting.organisation_id,
                quote_id=quote_id,
                stale_after=stale_after,
            )
        ),
    )


def _milestones(asked: QuoteIn) -> list[MilestoneTerm]:
    if asked.template is None:
        return [one.term() for one in asked.milestones]
    return list(template_named(asked.template).milestones)
