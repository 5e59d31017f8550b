"""``/pools``: customised items made once enough pieces are asked for."""

from uuid import UUID

from fastapi import Response

from marketplace.projects.handlers import pools as handlers
from marketplace.projects.schemas import PooledIn, PooledOut, PoolIn, PoolOut
from services.contracts.money import Money
from services.contracts.policies import Action
from services.runtime.routing import api_router
from services.runtime.tabular import Page, PageDep
from services.runtime.web import ActingDep, ClockDep, CreationDep, SessionDep, requires

router = api_router(tags=["pools"])


@router.post(
    "/pools", status_code=201, response_model=PoolOut, dependencies=[requires(Action.POOL_OPEN)]
)
def open_pool(
    asked: PoolIn, session: SessionDep, clock: ClockDep, creation: CreationDep, acting: ActingDep
) -> Response:
    """Offer to make an item once a lot is economic, at one price for everybody."""

    def work() -> PoolOut:
        opened = handlers.open_pool(
            session=session,
            clock=clock,
            organisation_id=acting.organisation_id,
            title=asked.title,
            about=asked.about,
            unit=Money(asked.unit_minor, asked.currency),
            lot_least=asked.lot_least,
            closes_at=asked.closes_at,
        )
        return PoolOut.of(opened)

    return creation.once(asked, work)


@router.get("/pools", response_model=Page[PoolOut], dependencies=[requires(Action.POOL_READ)])
def list_pools(session: SessionDep, page: PageDep, acting: ActingDep) -> Page[PoolOut] | Response:
    """Pools of everybody, in order of opening."""
    del acting
    found = handlers.list_pools(session=session, after=page.after, limit=page.fetch)
    return page.answer(found, PoolOut.of, name="pools")


@router.get("/pools/{pool_id}", dependencies=[requires(Action.POOL_READ)])
def read_pool(pool_id: UUID, session: SessionDep, acting: ActingDep) -> PoolOut:
    """One pool; how many pieces were asked for is told when it is decided."""
    del acting
    return PoolOut.of(handlers.get_pool(session=session, pool_id=pool_id))


@router.post(
    "/pools/{pool_id}/demands",
    status_code=201,
    response_model=PooledOut,
    dependencies=[requires(Action.POOL_JOIN)],
)
def join_pool(
    pool_id: UUID,
    asked: PooledIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """Ask for pieces; nothing is owed unless the lot is met."""

    def work() -> PooledOut:
        joined = handlers.join_pool(
            session=session,
            clock=clock,
            organisation_id=acting.organisation_id,
            pool_id=pool_id,
            quantity=asked.quantity,
            options=asked.options,
        )
        return PooledOut.of(joined)

    return creation.once(asked, work)


@router.get(
    "/pools/{pool_id}/demands",
    response_model=Page[PooledOut],
    dependencies=[requires(Action.POOL_JOIN)],
)
def list_pooled_demands(
    pool_id: UUID, session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[PooledOut] | Response:
    """All of an own pool; of another's, the own ones."""
    del acting
    found = handlers.list_demands(
        session=session, pool_id=pool_id, after=page.after, limit=page.fetch
    )
    return page.answer(found, PooledOut.of, name="pooled-demands")


@router.post(
    "/pooled-demands/{pooled_demand_id}/accept", dependencies=[requires(Action.POOL_ACCEPT)]
)
def accept_pooled_order(
    pooled_demand_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> PooledOut:
    """Accept what was made: the escrow pays it."""
    accepted = handlers.accept_delivery(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        demand_id=pooled_demand_id,
    )
    return PooledOut.of(accepted)
