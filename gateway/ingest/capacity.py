"""What ingest asks of the capacity context, and the answer through its handlers."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from sqlmodel import Session

from gateway.ingest.batch import NodeKey
from services.capacity import handlers
from services.capacity.domain import GatewayTwins, RecordResult, ReportedObservation
from services.contracts.ids import ResourceId
from services.runtime.clock import Clock


class Capacity(Protocol):
    """Every call works in the transaction of ``session``."""

    def twins_of(self, session: Session, node: NodeKey) -> GatewayTwins | None: ...

    def record(self, session: Session, rows: Sequence[ReportedObservation]) -> RecordResult: ...

    def see(self, session: Session, seen: Mapping[ResourceId, datetime]) -> None: ...

    def lose(self, session: Session, resources: Sequence[ResourceId]) -> None: ...

    def quarantine(self, session: Session, *, topic: str, payload: bytes, cause: str) -> None: ...


class CapacityHandlers:
    """The capacity context itself."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def twins_of(self, session: Session, node: NodeKey) -> GatewayTwins | None:
        return handlers.twins_of(session=session, group=node.group, edge_node=node.node)

    def record(self, session: Session, rows: Sequence[ReportedObservation]) -> RecordResult:
        return handlers.record_observations(session=session, clock=self._clock, rows=rows)

    def see(self, session: Session, seen: Mapping[ResourceId, datetime]) -> None:
        handlers.record_seen(session=session, clock=self._clock, seen=seen)

    def lose(self, session: Session, resources: Sequence[ResourceId]) -> None:
        handlers.mark_lost(session=session, clock=self._clock, resource_ids=resources)

    def quarantine(self, session: Session, *, topic: str, payload: bytes, cause: str) -> None:
        handlers.quarantine(
            session=session, clock=self._clock, topic=topic, payload=payload, cause=cause
        )
