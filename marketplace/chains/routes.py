"""What members of a chain space share: weeks, orders, product records."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Request, Response

from marketplace.chains.domain.tracking import broken_at
from marketplace.chains.domain.weeks import ITEM_MAX, WEEK_PATTERN, WEEKS_MAX
from marketplace.chains.handlers import orders, tracking, weeks
from marketplace.chains.schemas import (
    ChainOrderOut,
    FreeTimeIn,
    ProductRecordIn,
    ProductRecordOut,
    ProductRecordsOut,
    TrackedProductIn,
    TrackedProductOut,
    WeekFigureOut,
    WeekFiguresOut,
    WeekGapsOut,
    WeeksIn,
)
from services.contracts.ids import OrganisationId, ResourceId
from services.contracts.policies import Action
from services.runtime.routing import api_router
from services.runtime.tabular import Page, PageDep
from services.runtime.web import ActingDep, ClockDep, CreationDep, SessionDep, requires

router = api_router(tags=["chains"])


def _stale_after(request: Request) -> timedelta:
    return timedelta(seconds=request.app.state.settings.seen_stale_after_s)


StaleAfterDep = Annotated[timedelta, Depends(_stale_after)]


@router.post(
    "/spaces/{space_id}/weeks",
    status_code=201,
    response_model=WeekFiguresOut,
    dependencies=[requires(Action.CHAIN_WRITE)],
)
def give_weeks(
    space_id: UUID,
    asked: WeeksIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """Give a partner demand or capacity by ISO week; what was given before stays readable."""

    def work() -> WeekFiguresOut:
        given = weeks.give_weeks(
            session=session,
            clock=clock,
            organisation_id=acting.organisation_id,
            space_id=space_id,
            line=asked.line(),
            weeks=asked.by_week(),
        )
        return WeekFiguresOut.of(given)

    return creation.once(asked, work)


@router.post(
    "/spaces/{space_id}/weeks-from-free-time",
    status_code=201,
    response_model=WeekFiguresOut,
    dependencies=[requires(Action.CHAIN_WRITE)],
)
def give_weeks_from_free_time(
    space_id: UUID,
    asked: FreeTimeIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
    stale_after: StaleAfterDep,
) -> Response:
    """Give capacity in minutes as the free time of own resources adds up now."""

    def work() -> WeekFiguresOut:
        given = weeks.fill_from_free_time(
            session=session,
            clock=clock,
            organisation_id=acting.organisation_id,
            space_id=space_id,
            partner_id=OrganisationId(asked.partner_id),
            item=asked.item,
            resource_ids=[ResourceId(one) for one in asked.resource_ids],
            weeks=asked.weeks,
            stale_after=stale_after,
        )
        return WeekFiguresOut.of(given)

    return creation.once(asked, work)


@router.get(
    "/spaces/{space_id}/weeks",
    response_model=Page[WeekFigureOut],
    dependencies=[requires(Action.CHAIN_READ)],
)
def list_weeks(
    space_id: UUID, session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[WeekFigureOut] | Response:
    """Every version of every figure given in the space, in order of giving."""
    found = weeks.list_figures(
        session=session,
        organisation_id=acting.organisation_id,
        space_id=space_id,
        after=page.after,
        limit=page.fetch,
    )
    return page.answer(found, WeekFigureOut.of, name="weeks")


@router.get("/spaces/{space_id}/week-gaps", dependencies=[requires(Action.CHAIN_READ)])
def list_week_gaps(
    space_id: UUID,
    session: SessionDep,
    clock: ClockDep,
    acting: ActingDep,
    item: Annotated[str, Query(min_length=1, max_length=ITEM_MAX)],
    first: Annotated[str | None, Query(pattern=WEEK_PATTERN)] = None,
    weeks_count: Annotated[int, Query(alias="weeks", ge=1, le=WEEKS_MAX)] = 26,
) -> WeekGapsOut:
    """Demand against capacity of an item by week and pair of partners, from the newest figures."""
    found = weeks.list_gaps(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        space_id=space_id,
        item=item,
        first=first,
        weeks=weeks_count,
    )
    return WeekGapsOut.of(item, found)


@router.put(
    "/spaces/{space_id}/orders/{order_id}", dependencies=[requires(Action.CHAIN_ORDER_SHOW)]
)
def show_order_to_space(
    space_id: UUID, order_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> ChainOrderOut:
    """Let the space see the state of an order between two of its members."""
    shown = orders.show_order(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        space_id=space_id,
        order_id=order_id,
    )
    return ChainOrderOut.of(shown, clock.now())


@router.get(
    "/spaces/{space_id}/orders",
    response_model=Page[ChainOrderOut],
    dependencies=[requires(Action.CHAIN_READ)],
)
def list_orders_of_space(
    space_id: UUID, session: SessionDep, clock: ClockDep, page: PageDep, acting: ActingDep
) -> Page[ChainOrderOut] | Response:
    """Orders shown to the space: whose, in which state, and whether the promise is kept."""
    found = orders.list_orders(
        session=session,
        organisation_id=acting.organisation_id,
        space_id=space_id,
        after=page.after,
        limit=page.fetch,
    )
    now = clock.now()
    return page.answer(found, lambda order: ChainOrderOut.of(order, now), name="chain-orders")


@router.post(
    "/spaces/{space_id}/tracked-products",
    status_code=201,
    response_model=TrackedProductOut,
    dependencies=[requires(Action.CHAIN_WRITE)],
)
def track_product(
    space_id: UUID,
    asked: TrackedProductIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """Name a piece or batch one made; its first record is that it was made."""

    def work() -> TrackedProductOut:
        product = tracking.track(
            session=session,
            clock=clock,
            organisation_id=acting.organisation_id,
            space_id=space_id,
            item=asked.item,
            serial=asked.serial,
            facts=asked.facts,
        )
        return TrackedProductOut.of(product)

    return creation.once(asked, work)


@router.get(
    "/spaces/{space_id}/tracked-products",
    response_model=Page[TrackedProductOut],
    dependencies=[requires(Action.CHAIN_READ)],
)
def list_tracked_products(
    space_id: UUID, session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[TrackedProductOut] | Response:
    """Products tracked in the space."""
    found = tracking.list_products(
        session=session,
        organisation_id=acting.organisation_id,
        space_id=space_id,
        after=page.after,
        limit=page.fetch,
    )
    return page.answer(found, TrackedProductOut.of, name="tracked-products")


@router.get("/tracked-products/{tracked_id}/records", dependencies=[requires(Action.CHAIN_READ)])
def list_product_records(
    tracked_id: UUID, session: SessionDep, acting: ActingDep
) -> ProductRecordsOut:
    """A product's records, oldest first, and whether their hashes agree."""
    product = tracking.get_product(
        session=session, organisation_id=acting.organisation_id, product_id=tracked_id
    )
    found = tracking.list_records(
        session=session, organisation_id=acting.organisation_id, product_id=tracked_id
    )
    return ProductRecordsOut(
        product=TrackedProductOut.of(product),
        intact=broken_at(found) is None,
        items=[ProductRecordOut.of(one) for one in found],
    )


@router.post(
    "/tracked-products/{tracked_id}/records",
    status_code=201,
    response_model=ProductRecordOut,
    dependencies=[requires(Action.CHAIN_RECORD)],
)
def record_of_product(
    tracked_id: UUID,
    asked: ProductRecordIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """Add what one measured, shipped, serviced or retired; nothing is ever changed."""

    def work() -> ProductRecordOut:
        added = tracking.record(
            session=session,
            clock=clock,
            organisation_id=acting.organisation_id,
            product_id=tracked_id,
            kind=asked.kind,
            facts=asked.facts,
        )
        return ProductRecordOut.of(added)

    return creation.once(asked, work)
