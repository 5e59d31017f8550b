"""``/purchases``: pool quantities, quote by tiers, compare, award, confirm shares."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Request, Response

from marketplace.purchasing.handlers import lists, parts, quotes
from marketplace.purchasing.handlers.lists import Seen
from marketplace.purchasing.importing import FilledOut, read_items
from marketplace.purchasing.schemas import (
    AwardIn,
    ComparisonOut,
    ConfirmIn,
    GuestsIn,
    ItemOut,
    ItemsIn,
    PartIn,
    PartOut,
    PurchaseIn,
    PurchaseOut,
    ShareOut,
    TieredQuoteIn,
    TieredQuoteOut,
)
from services.contracts.policies import Action
from services.runtime.etags import IfMatch, etag, version_named
from services.runtime.routing import api_router
from services.runtime.sheets import SheetKind
from services.runtime.tabular import ListFormat, Page, PageDep, file_response
from services.runtime.web import (
    ActingDep,
    ClockDep,
    CreationDep,
    SessionDep,
    acting_organisation,
    requires,
)

router = api_router(prefix="/purchases", tags=["purchasing"])


async def _body(request: Request) -> bytes:
    return await request.body()


BodyDep = Annotated[bytes, Depends(_body)]
_FILE = {
    "requestBody": {
        "required": True,
        "description": "A table with the columns description, unit, quantity, spec, needed_by.",
        "content": {"text/csv": {}, "application/octet-stream": {}},
    }
}


@router.post(
    "", status_code=201, response_model=PurchaseOut, dependencies=[requires(Action.PURCHASE_LEAD)]
)
def create_purchase(
    asked: PurchaseIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """Draft a purchasing list; nobody else sees it before it is opened."""
    organisation_id = acting_organisation(acting, asked.organisation_id)
    members, suppliers = asked.sides()

    def work() -> PurchaseOut:
        made = lists.create_purchase(
            session=session,
            clock=clock,
            organisation_id=organisation_id,
            terms=asked.terms(),
            members=members,
            suppliers=suppliers,
        )
        return PurchaseOut.of(made)

    return creation.once(asked, work)


@router.get("", response_model=Page[PurchaseOut], dependencies=[requires(Action.PURCHASE_READ)])
def list_purchases(
    session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[PurchaseOut] | Response:
    """Lists one leads, is invited to, takes part in, or finds open."""
    found = lists.list_purchases(
        session=session, viewer=acting.organisation_id, after=page.after, limit=page.fetch
    )
    return page.answer(found, PurchaseOut.of, name="purchases")


@router.get("/{purchase_id}", dependencies=[requires(Action.PURCHASE_READ)])
def read_purchase(
    purchase_id: UUID, session: SessionDep, response: Response, acting: ActingDep
) -> PurchaseOut:
    """One list with its totals; its ETag is its version."""
    found = lists.get_purchase(
        session=session, viewer=acting.organisation_id, purchase_id=purchase_id
    )
    return _tagged(response, found)


@router.get(
    "/{purchase_id}/items",
    response_model=list[ItemOut],
    dependencies=[requires(Action.PURCHASE_READ)],
)
def list_purchase_items(
    purchase_id: UUID,
    session: SessionDep,
    acting: ActingDep,
    kind: Annotated[ListFormat, Query(alias="format")] = ListFormat.JSON,
) -> list[ItemOut] | Response:
    """All items with what is pooled; as a file too, which a new list can be filled from."""
    found = lists.get_purchase(
        session=session, viewer=acting.organisation_id, purchase_id=purchase_id
    )
    items = [ItemOut.model_validate(item, from_attributes=True) for item in found.items]
    if kind is ListFormat.JSON:
        return items
    return file_response(items, name="purchase-items", kind=kind)


@router.put("/{purchase_id}/items", dependencies=[requires(Action.PURCHASE_LEAD)])
def fill_purchase(
    purchase_id: UUID,
    asked: ItemsIn,
    session: SessionDep,
    clock: ClockDep,
    response: Response,
    acting: ActingDep,
    if_match: IfMatch = None,
) -> PurchaseOut:
    """Replace the items of a draft."""
    filled = lists.fill_purchase(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        purchase_id=purchase_id,
        items=[item.terms() for item in asked.items],
        expected_version=version_named(if_match),
    )
    return _tagged(response, filled)


@router.put(
    "/{purchase_id}/items/file",
    dependencies=[requires(Action.PURCHASE_LEAD)],
    openapi_extra=_FILE,
)
def fill_purchase_from_file(
    purchase_id: UUID,
    data: BodyDep,
    session: SessionDep,
    clock: ClockDep,
    acting: ActingDep,
    kind: Annotated[SheetKind, Query(alias="format")],
) -> FilledOut:
    """Replace the items of a draft by those of a CSV or Excel file: all or, told why, none."""
    lists.owned(session, acting.organisation_id, purchase_id)
    items, problems = read_items(data, kind)
    if not problems:
        lists.fill_purchase(
            session=session,
            clock=clock,
            organisation_id=acting.organisation_id,
            purchase_id=purchase_id,
            items=items,
        )
    return FilledOut(is_filled=not problems, items=len(items), problems=problems)


@router.post("/{purchase_id}/open", dependencies=[requires(Action.PURCHASE_LEAD)])
def open_purchase(
    purchase_id: UUID,
    session: SessionDep,
    clock: ClockDep,
    response: Response,
    acting: ActingDep,
    if_match: IfMatch = None,
) -> PurchaseOut:
    """Let members add quantities and suppliers quote."""
    opened = lists.open_purchase(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        purchase_id=purchase_id,
        expected_version=version_named(if_match),
    )
    return _tagged(response, opened)


@router.post("/{purchase_id}/guests", dependencies=[requires(Action.PURCHASE_LEAD)])
def invite_to_purchase(
    purchase_id: UUID,
    asked: GuestsIn,
    session: SessionDep,
    clock: ClockDep,
    response: Response,
    acting: ActingDep,
) -> PurchaseOut:
    """Invite more members and suppliers; done twice it stays the same."""
    members, suppliers = asked.sides()
    invited = lists.invite(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        purchase_id=purchase_id,
        members=members,
        suppliers=suppliers,
    )
    return _tagged(response, invited)


@router.post("/{purchase_id}/withdraw", dependencies=[requires(Action.PURCHASE_LEAD)])
def withdraw_purchase(
    purchase_id: UUID,
    session: SessionDep,
    clock: ClockDep,
    response: Response,
    acting: ActingDep,
    if_match: IfMatch = None,
) -> PurchaseOut:
    """Give a list up before it is awarded."""
    withdrawn = lists.withdraw_purchase(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        purchase_id=purchase_id,
        expected_version=version_named(if_match),
    )
    return _tagged(response, withdrawn)


@router.put("/{purchase_id}/part", dependencies=[requires(Action.PURCHASE_JOIN)])
def take_part_in_purchase(
    purchase_id: UUID, asked: PartIn, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> PartOut:
    """Add one's quantities, or change them, until the list closes."""
    part = parts.take_part(
        session=session,
        clock=clock,
        member_id=acting.organisation_id,
        purchase_id=purchase_id,
        quantities=asked.pairs(),
    )
    return PartOut.of(part)


@router.get(
    "/{purchase_id}/parts",
    response_model=Page[PartOut],
    dependencies=[requires(Action.PURCHASE_LEAD)],
)
def list_purchase_parts(
    purchase_id: UUID, session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[PartOut] | Response:
    """Who wants how much: for the lead alone."""
    found = parts.list_parts(
        session=session,
        organisation_id=acting.organisation_id,
        purchase_id=purchase_id,
        after=page.after,
        limit=page.fetch,
    )
    return page.answer(found, PartOut.of, name="purchase-parts")


@router.get("/{purchase_id}/share", dependencies=[requires(Action.PURCHASE_JOIN)])
def read_purchase_share(purchase_id: UUID, session: SessionDep, acting: ActingDep) -> ShareOut:
    """What one's part comes to now, if others leave, and alone."""
    share = parts.get_share(
        session=session, member_id=acting.organisation_id, purchase_id=purchase_id
    )
    return ShareOut.of(share)


@router.post("/{purchase_id}/share/confirm", dependencies=[requires(Action.PURCHASE_CONFIRM)])
def confirm_purchase_share(
    purchase_id: UUID, asked: ConfirmIn, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> ShareOut:
    """Agree to buy one's share up to a price; it becomes an order when all have answered."""
    share = parts.confirm(
        session=session,
        clock=clock,
        member_id=acting.organisation_id,
        purchase_id=purchase_id,
        at_most_minor=asked.at_most_minor,
    )
    return ShareOut.of(share)


@router.post("/{purchase_id}/share/decline", dependencies=[requires(Action.PURCHASE_CONFIRM)])
def decline_purchase_share(
    purchase_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> ShareOut:
    """Leave the list: before it closes, or instead of confirming."""
    share = parts.decline(
        session=session, clock=clock, member_id=acting.organisation_id, purchase_id=purchase_id
    )
    return ShareOut.of(share)


@router.post(
    "/{purchase_id}/quotes",
    status_code=201,
    response_model=TieredQuoteOut,
    dependencies=[requires(Action.PURCHASE_QUOTE)],
)
def give_tiered_quote(
    purchase_id: UUID,
    asked: TieredQuoteIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """Quote for some or all items; a former quote of one's own holds no more."""

    def work() -> TieredQuoteOut:
        given = quotes.give_quote(
            session=session,
            clock=clock,
            supplier_id=acting.organisation_id,
            purchase_id=purchase_id,
            lines=asked.prices(),
            lead_days=asked.lead_days,
            valid_until=asked.valid_until,
            remark=asked.note,
        )
        return TieredQuoteOut.of(given)

    return creation.once(asked, work)


@router.get(
    "/{purchase_id}/quotes",
    response_model=Page[TieredQuoteOut],
    dependencies=[requires(Action.PURCHASE_READ)],
)
def list_tiered_quotes(
    purchase_id: UUID, session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[TieredQuoteOut] | Response:
    """The lead: all quotes; a supplier: its own."""
    found = quotes.list_quotes(
        session=session,
        party=acting.organisation_id,
        purchase_id=purchase_id,
        after=page.after,
        limit=page.fetch,
    )
    return page.answer(found, TieredQuoteOut.of, name="tiered-quotes")


@router.delete(
    "/{purchase_id}/quote", status_code=204, dependencies=[requires(Action.PURCHASE_QUOTE)]
)
def take_tiered_quote_back(
    purchase_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> None:
    """Take one's quote back while quotes are taken."""
    quotes.take_back(
        session=session, clock=clock, supplier_id=acting.organisation_id, purchase_id=purchase_id
    )


@router.get(
    "/{purchase_id}/comparison",
    response_model=ComparisonOut,
    dependencies=[requires(Action.PURCHASE_LEAD)],
)
def compare_tiered_quotes(
    purchase_id: UUID,
    session: SessionDep,
    acting: ActingDep,
    kind: Annotated[ListFormat, Query(alias="format")] = ListFormat.JSON,
) -> ComparisonOut | Response:
    """The quotes by what everything pooled costs with each; as a file too."""
    found = ComparisonOut.of(
        quotes.compare_quotes(
            session=session, organisation_id=acting.organisation_id, purchase_id=purchase_id
        )
    )
    if kind is ListFormat.JSON:
        return found
    return file_response(found.quotes, name="comparison", kind=kind)


@router.post("/{purchase_id}/award", dependencies=[requires(Action.PURCHASE_LEAD)])
def award_purchase(
    purchase_id: UUID,
    asked: AwardIn,
    session: SessionDep,
    clock: ClockDep,
    response: Response,
    acting: ActingDep,
    if_match: IfMatch = None,
) -> PurchaseOut:
    """Award by item or whole; members confirm their shares until ``confirm_by``."""
    awarded = quotes.award(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        purchase_id=purchase_id,
        choices={choice.number: choice.quote_id for choice in asked.choices},
        whole=asked.quote_id,
        confirm_by=asked.confirm_by,
        expected_version=version_named(if_match),
    )
    return _tagged(response, awarded)


def _tagged(response: Response, seen: Seen) -> PurchaseOut:
    response.headers["ETag"] = etag(seen.purchase.version)
    return PurchaseOut.of(seen)
