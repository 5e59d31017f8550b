"""``/deals``: ask for quotes, publish, revise, withdraw; take part, decline, talk."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Response

from marketplace.deals.handlers import bidding
from marketplace.deals.handlers import requests as handlers
from marketplace.deals.handlers.requests import Seen
from marketplace.deals.routes.tags import IfMatch, expected_version, tag
from marketplace.deals.schemas.requests import (
    BidOut,
    DealIn,
    DealOut,
    DeclineIn,
    MessageIn,
    MessageOut,
)
from services.contracts.ids import OrganisationId
from services.contracts.policies import Action
from services.runtime.routing import api_router
from services.runtime.tabular import Page, PageDep
from services.runtime.web import (
    ActingDep,
    ClockDep,
    CreationDep,
    SessionDep,
    acting_organisation,
    requires,
)

router = api_router(prefix="/deals", tags=["deals"])


@router.post(
    "", status_code=201, response_model=DealOut, dependencies=[requires(Action.DEAL_WRITE)]
)
def create_deal(
    asked: DealIn, session: SessionDep, clock: ClockDep, creation: CreationDep, acting: ActingDep
) -> Response:
    """Draft a request for quotation; nobody else sees it before it is published."""
    organisation_id = acting_organisation(acting, asked.organisation_id)

    def work() -> DealOut:
        made = handlers.create_deal(
            session=session,
            clock=clock,
            organisation_id=organisation_id,
            terms=asked.terms(),
            suppliers=asked.invited(),
        )
        return DealOut.of(made)

    return creation.once(asked, work)


@router.get("", response_model=Page[DealOut], dependencies=[requires(Action.DEAL_READ)])
def list_deals(
    session: SessionDep,
    page: PageDep,
    acting: ActingDep,
    *,
    own: Annotated[bool, Query(description="leave out what others ask for")] = False,
) -> Page[DealOut] | Response:
    """Requests one made, is invited to, or finds open, in order of creation."""
    found = handlers.list_deals(
        session=session, viewer=acting.organisation_id, after=page.after, limit=page.fetch, own=own
    )
    return page.answer(found, DealOut.of, name="deals")


@router.get("/{deal_id}", dependencies=[requires(Action.DEAL_READ)])
def read_deal(deal_id: UUID, session: SessionDep, response: Response, acting: ActingDep) -> DealOut:
    """One request, with the bids one is a party to; its ETag is its version."""
    found = handlers.get_deal(session=session, viewer=acting.organisation_id, deal_id=deal_id)
    return _tagged(response, found)


@router.post("/{deal_id}/publish", dependencies=[requires(Action.DEAL_WRITE)])
def publish_deal(
    deal_id: UUID,
    session: SessionDep,
    clock: ClockDep,
    response: Response,
    acting: ActingDep,
    if_match: IfMatch = None,
) -> DealOut:
    """Let suppliers see a draft and quote for it."""
    found = handlers.publish_deal(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        deal_id=deal_id,
        expected_version=expected_version(if_match),
    )
    return _tagged(response, found)


@router.put("/{deal_id}", dependencies=[requires(Action.DEAL_WRITE)])
def revise_deal(
    deal_id: UUID,
    asked: DealIn,
    session: SessionDep,
    clock: ClockDep,
    response: Response,
    acting: ActingDep,
    if_match: IfMatch = None,
) -> DealOut:
    """Change a draft, or make the next revision: quotes for the former one hold no more."""
    organisation_id = acting_organisation(acting, asked.organisation_id)
    found = handlers.revise_deal(
        session=session,
        clock=clock,
        organisation_id=organisation_id,
        deal_id=deal_id,
        terms=asked.terms(),
        suppliers=asked.invited(),
        expected_version=expected_version(if_match),
    )
    return _tagged(response, found)


@router.post("/{deal_id}/withdraw", dependencies=[requires(Action.DEAL_WRITE)])
def withdraw_deal(
    deal_id: UUID,
    session: SessionDep,
    clock: ClockDep,
    response: Response,
    acting: ActingDep,
    if_match: IfMatch = None,
) -> DealOut:
    """Give a request up; slots held for it are free again."""
    found = handlers.withdraw_deal(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        deal_id=deal_id,
        expected_version=expected_version(if_match),
    )
    return _tagged(response, found)


@router.post(
    "/{deal_id}/bids",
    status_code=201,
    response_model=BidOut,
    dependencies=[requires(Action.QUOTE_GIVE)],
)
def join_deal(
    deal_id: UUID, session: SessionDep, clock: ClockDep, creation: CreationDep, acting: ActingDep
) -> Response:
    """Take part: the buyer sees that one does, and its documents can be read."""
    return creation.once(
        None,
        lambda: BidOut.of(
            bidding.join_deal(
                session=session,
                clock=clock,
                supplier_id=acting.organisation_id,
                deal_id=deal_id,
            )
        ),
    )


@router.post("/{deal_id}/decline", dependencies=[requires(Action.QUOTE_GIVE)])
def decline_deal(
    deal_id: UUID, asked: DeclineIn, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> BidOut:
    """Say that one does not quote (no bid), and why."""
    declined = bidding.decline_deal(
        session=session,
        clock=clock,
        supplier_id=acting.organisation_id,
        deal_id=deal_id,
        reason=asked.reason,
    )
    return BidOut.of(declined)


@router.post(
    "/{deal_id}/messages",
    status_code=201,
    response_model=MessageOut,
    dependencies=[requires(Action.DEAL_TALK)],
)
def post_message(
    deal_id: UUID,
    asked: MessageIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """Ask the buyer; as buyer, answer one supplier, or tell all."""

    def work() -> MessageOut:
        supplier_id = asked.supplier_id
        said = bidding.say(
            session=session,
            clock=clock,
            author_id=acting.organisation_id,
            deal_id=deal_id,
            text=asked.text,
            supplier_id=None if supplier_id is None else OrganisationId(supplier_id),
        )
        return MessageOut.of(said)

    return creation.once(asked, work)


@router.get(
    "/{deal_id}/messages",
    response_model=Page[MessageOut],
    dependencies=[requires(Action.DEAL_TALK)],
)
def list_messages(
    deal_id: UUID, session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[MessageOut] | Response:
    """As buyer all that was said; as supplier the own thread, and what all were told."""
    found = bidding.list_messages(
        session=session,
        viewer=acting.organisation_id,
        deal_id=deal_id,
        after=page.after,
        limit=page.fetch,
    )
    return page.answer(found, MessageOut.of, name="messages")


def _tagged(response: Response, seen: Seen) -> DealOut:
    tag(response, seen.deal.version)
    return DealOut.of(seen)
