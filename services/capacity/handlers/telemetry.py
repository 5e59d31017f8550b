"""Use cases of ingest and of the worker: reports in, live signs, lost links, what was not understood."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlmodel import Session

from services.capacity.domain import (
    GatewayTwins,
    LiveState,
    QuarantinedMessage,
    RecordResult,
    ReportedObservation,
)
from services.contracts.ids import ResourceId
from services.runtime.clock import Clock


def twins_of(*, session: Session, group: str, edge_node: str) -> GatewayTwins | None:
    """The gateway publishing as ``edge_node`` in ``group`` and its twins; ``None`` when unknown."""
    raise NotImplementedError


def record_observations(
    *, session: Session, clock: Clock, rows: Sequence[ReportedObservation]
) -> RecordResult:
    """Store a batch once, move the live states it concerns, tell what really changed.

    A row already stored under its (gateway, epoch, offset) moves nothing.
    """
    raise NotImplementedError


def record_seen(*, session: Session, clock: Clock, seen: Mapping[ResourceId, datetime]) -> None:
    """Note live signs; a fresh one restores the last reported state of a lost link."""
    raise NotImplementedError


def mark_unseen(*, session: Session, clock: Clock, stale_after: timedelta) -> list[ResourceId]:
    """Twins not seen for longer than ``stale_after`` become unknown since they were last seen."""
    raise NotImplementedError


def quarantine(*, session: Session, clock: Clock, topic: str, payload: bytes, cause: str) -> None:
    """Keep a message that could not be understood, cut to 64 KiB, with the cause."""
    raise NotImplementedError


def list_quarantine(
    *, session: Session, after: UUID | None, limit: int
) -> list[QuarantinedMessage]:
    """A page by id."""
    raise NotImplementedError


def live_states(
    *, session: Session, resource_ids: Sequence[ResourceId] | None = None
) -> dict[ResourceId, LiveState]:
    """Latest states of the resources that have a twin; all of them by default."""
    raise NotImplementedError
