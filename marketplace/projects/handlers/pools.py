"""Use cases of customisation pools: open, join, close when due, accept what was made."""

from dataclasses import replace
from datetime import datetime
from typing import ClassVar, Final
from uuid import UUID

from sqlmodel import Session

from marketplace.projects import store
from marketplace.projects.domain.pooling import (
    Pool,
    PooledDemand,
    PooledNotOrderedError,
    PooledState,
    PoolState,
    check_takes,
    decided,
)
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.events.envelope import Audience
from services.contracts.events.projects import PoolDecided
from services.contracts.ids import OrganisationId
from services.contracts.money import Money
from services.ledger import handlers as ledger
from services.ledger.domain import EscrowTerms, Subject
from services.runtime.audit.recording import note
from services.runtime.clock import Clock
from services.runtime.db import Sessions, transaction
from services.runtime.outbox import emit

SUBJECT: Final = "pooled_demand"
AT_ONCE: Final = 20
DEMANDS_MAX: Final = 10_000


class PoolNotFoundError(DomainError):
    code: ClassVar[str] = "pool-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "There is no pool {pool_id}; list /pools."
    zh: ClassVar[str] = "没有拼单 {pool_id}；请查看 /pools。"


class PooledNotFoundError(DomainError):
    code: ClassVar[str] = "pooled-demand-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "You have no pooled demand {demand_id}; list those of the pool."
    zh: ClassVar[str] = "贵组织没有拼单需求 {demand_id}；请查看该拼单的需求。"


class PooledTwiceError(DomainError):
    code: ClassVar[str] = "pool-joined-before"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Pool {pool_id} is your own, or you are in it already."
    zh: ClassVar[str] = "拼单 {pool_id} 由贵组织发起，或贵组织已加入。"


def open_pool(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    title: str,
    about: str,
    unit: Money,
    lot_least: int,
    closes_at: datetime,
) -> Pool:
    """Offer to make a customised item once ``lot_least`` pieces are asked for.

    Raises:
        PoolClosedError: it would close before it opens.
    """
    opened = Pool(
        id=clock.new_id(),
        organisation_id=organisation_id,
        title=title,
        about=about,
        unit_minor=unit.minor,
        currency=unit.currency,
        lot_least=lot_least,
        closes_at=closes_at,
        state=PoolState.OPEN,
        pooled=None,
        created_at=clock.now(),
    )
    check_takes(opened, now=clock.now())
    store.add(session, opened)
    note(session, subject_kind="lot_pool", subject_id=opened.id, after=opened)
    return opened


def get_pool(*, session: Session, pool_id: UUID) -> Pool:
    """Read a pool; whoever is signed in sees it.

    Raises:
        PoolNotFoundError: there is none.
    """
    found = store.find(session, Pool, pool_id)
    if found is None:
        raise PoolNotFoundError(pool_id=pool_id)
    return found


def list_pools(*, session: Session, after: UUID | None, limit: int) -> list[Pool]:
    """A page of pools, in order of opening."""
    return store.page(session, Pool, after=after, limit=limit)


def join_pool(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    pool_id: UUID,
    quantity: int,
    options: str,
) -> PooledDemand:
    """Ask for pieces; nothing is owed unless the lot is met.

    Raises:
        PoolNotFoundError, PoolClosedError: no open pool.
        PooledTwiceError: it is the own one, or was joined.
    """
    pool = get_pool(session=session, pool_id=pool_id)
    check_takes(pool, now=clock.now())
    known = store.page(
        session, PooledDemand, after=None, limit=1, pool_id=pool_id, organisation_id=organisation_id
    )
    if known or pool.organisation_id == organisation_id:
        raise PooledTwiceError(pool_id=pool_id)
    asked = PooledDemand(
        id=clock.new_id(),
        pool_id=pool_id,
        organisation_id=organisation_id,
        owner_id=pool.organisation_id,
        quantity=quantity,
        options=options,
        state=PooledState.WAITING,
        escrow_id=None,
        created_at=clock.now(),
    )
    store.add(session, asked)
    note(session, subject_kind="lot_pool_demand", subject_id=asked.id, after=asked)
    return asked


def list_demands(
    *, session: Session, pool_id: UUID, after: UUID | None, limit: int
) -> list[PooledDemand]:
    """A page of what an own pool was asked for; of another's, what one asked for oneself.

    Raises:
        PoolNotFoundError: there is no such pool.
    """
    get_pool(session=session, pool_id=pool_id)
    return store.page(session, PooledDemand, after=after, limit=limit, pool_id=pool_id)


def accept_delivery(
    *, session: Session, clock: Clock, organisation_id: OrganisationId, demand_id: UUID
) -> PooledDemand:
    """Accept what was made: the escrow pays it.

    Raises:
        PooledNotFoundError, PooledNotOrderedError, EscrowRefusedError: nothing to accept or pay.
    """
    found = store.find(session, PooledDemand, demand_id)
    if found is None or found.organisation_id != organisation_id:
        raise PooledNotFoundError(demand_id=demand_id)
    if found.state is not PooledState.ORDERED or found.escrow_id is None:
        raise PooledNotOrderedError(demand_id=demand_id, state=found.state)
    escrow = ledger.get_escrow(session=session, viewer=organisation_id, escrow_id=found.escrow_id)
    ledger.release(
        session=session,
        clock=clock,
        escrow_id=escrow.id,
        amount=escrow.amount,
        because="pooled order accepted",
        fact_id=found.id,
    )
    settled = replace(found, state=PooledState.SETTLED)
    store.save(session, settled, "state")
    note(session, subject_kind="lot_pool_demand", subject_id=found.id, before=found, after=settled)
    return settled


def close_due_pools(*, sessions: Sessions, clock: Clock) -> int:
    """Decide the pools to be closed by now; tells how many."""
    with transaction(sessions) as session:
        due = store.due_pools(session, now=clock.now(), limit=AT_ONCE)
        for pool in due:
            _decide(session, clock, pool)
        return len(due)


def _decide(session: Session, clock: Clock, pool: Pool) -> None:
    demands = store.page(session, PooledDemand, after=None, limit=DEMANDS_MAX, pool_id=pool.id)
    state, pooled = decided(pool.lot_least, [one.quantity for one in demands])
    after = replace(pool, state=state, pooled=pooled)
    store.save(session, after, "state", "pooled")
    for demand in demands:
        told = (
            _ordered(session, clock, pool, demand)
            if state is PoolState.MET
            else replace(demand, state=PooledState.RELEASED)
        )
        store.save(session, told, "state", "escrow_id")
    parties = (pool.organisation_id, *(one.organisation_id for one in demands))
    event = PoolDecided(
        id=clock.new_id(),
        occurred_at=clock.now(),
        pool_id=pool.id,
        organisation_id=pool.organisation_id,
        state=state,
        pooled=pooled,
        audience=Audience(organisation_ids=parties),
    )
    emit(session, event, now=clock.now())


def _ordered(session: Session, clock: Clock, pool: Pool, demand: PooledDemand) -> PooledDemand:
    """An order at the pooled price, its money to be set aside by the buyer."""
    escrow = ledger.open_escrow(
        session=session,
        clock=clock,
        subject=Subject(SUBJECT, demand.id),
        payer=demand.organisation_id,
        payee=pool.organisation_id,
        amount=Money(pool.unit_minor * demand.quantity, pool.currency),
        terms=EscrowTerms(),
    )
    return replace(demand, state=PooledState.ORDERED, escrow_id=escrow.id)
