"""Customisation pools (C2M 定制拼单): small demands that wait until a lot is economic."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Final
from uuid import UUID

from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OrganisationId

QUANTITY_MAX: Final = 1_000_000
UNIT_MAX: Final = 10**9


class PoolClosedError(DomainError):
    code: ClassVar[str] = "pool-closed"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Pool {pool_id} is {state}, closing at {closes_at}: it takes nothing more."
    zh: ClassVar[str] = "拼单 {pool_id} 已为 {state}（截止 {closes_at}），不再变更。"


class PooledNotOrderedError(DomainError):
    code: ClassVar[str] = "pooled-demand-not-ordered"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Pooled demand {demand_id} is {state}; only what was ordered is accepted."
    zh: ClassVar[str] = "拼单需求 {demand_id} 为 {state}；仅已成单的可验收。"


class PoolState(StrEnum):
    OPEN = "open"
    MET = "met"
    """成团: every demand became an order."""
    RELEASED = "released"
    """未成团: nobody owes anything."""


class PooledState(StrEnum):
    WAITING = "waiting"
    ORDERED = "ordered"
    RELEASED = "released"
    SETTLED = "settled"


@dataclass(frozen=True, slots=True)
class Pool:
    """``organisation_id`` makes at least ``lot_least`` pieces, at ``unit_minor`` each."""

    id: UUID
    organisation_id: OrganisationId
    title: str
    about: str
    unit_minor: int
    currency: str
    lot_least: int
    closes_at: datetime
    state: PoolState
    pooled: int | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class PooledDemand:
    """What ``organisation_id`` wants of the pool of ``owner_id``, with its ``options``."""

    id: UUID
    pool_id: UUID
    organisation_id: OrganisationId
    owner_id: OrganisationId
    quantity: int
    options: str
    state: PooledState
    escrow_id: UUID | None
    created_at: datetime


def check_takes(pool: Pool, *, now: datetime) -> None:
    """Let an open pool pass.

    Raises:
        PoolClosedError: it is decided or due.
    """
    if pool.state is not PoolState.OPEN or now >= pool.closes_at:
        raise PoolClosedError(pool_id=pool.id, state=pool.state, closes_at=pool.closes_at)


def decided(lot_least: int, quantities: Iterable[int]) -> tuple[PoolState, int]:
    """Whether the lot is economic, and how many pieces were asked for."""
    pooled = sum(quantities)
    return (PoolState.MET if pooled >= lot_least else PoolState.RELEASED), pooled
