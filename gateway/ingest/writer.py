"""Writes a batch in one transaction, and finds the rows at fault when the database refuses data.

Only what is said of the data itself (a data or integrity error, a resource that is gone) is the
row's fault and ends in quarantine. Any other failure is ours: nothing is written or receipted.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import structlog
from sqlalchemy.exc import DataError, IntegrityError, StatementError
from sqlmodel import Session

from gateway.ingest.batch import Batch, JournalKey, NodeKey
from gateway.ingest.capacity import Capacity
from gateway.ingest.plan import Plan, PlannedReport, admit_poison, plan_batch, poison_from
from gateway.ingest.quarantine_budget import QuarantineBudget
from gateway.ingest.twin_directory import TwinDirectory
from services.capacity.domain import GatewayTwins
from services.capacity.handlers import ResourceNotFoundError
from services.runtime.clock import Clock
from services.runtime.db import Sessions, transaction

JournalOf = tuple[NodeKey, int]
"""A node and the epoch of one of its journals."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Written:
    """What a commit made durable. ``durable`` is exactly what may be receipted."""

    stored: int = 0
    duplicates: int = 0
    quarantined: int = 0
    durable: defaultdict[JournalOf, list[int]] = field(default_factory=lambda: defaultdict(list))

    def receipt(self, key: JournalKey) -> None:
        self.durable[key.node, key.epoch].append(key.offset)


class BatchWriter:
    """Plans and commits batches. Both steps may be repeated until they succeed."""

    def __init__(self, *, sessions: Sessions, clock: Clock, capacity: Capacity) -> None:
        self._sessions = sessions
        self._clock = clock
        self._capacity = capacity
        self._directory = TwinDirectory()
        self._budget = QuarantineBudget()

    def twins(self, batch: Batch) -> Mapping[NodeKey, GatewayTwins]:
        """The registered gateways behind ``batch``."""
        with transaction(self._sessions) as session:
            return self._directory.resolve(
                batch.nodes(),
                lambda node: self._capacity.twins_of(session, node),
                now=self._clock.now(),
            )

    def plan(self, batch: Batch, twins: Mapping[NodeKey, GatewayTwins]) -> Plan:
        return plan_batch(batch, twins, self._budget, now=self._clock.now())

    def commit(self, plan: Plan) -> Written:
        """Write ``plan`` in one transaction, or piece by piece around data at fault."""
        if plan.is_empty:
            return Written()
        try:
            return self._commit(plan)
        except (StatementError, ResourceNotFoundError) as error:
            if not is_data_error(error):
                raise
            log.warning("batch refused by the database, dividing it", cause=_cause(error))
            self._directory.forget()  # what it remembers may be gone
            return self._commit_divided(plan)

    def _commit(self, plan: Plan) -> Written:
        written = Written(quarantined=len(plan.quarantine))
        with transaction(self._sessions) as session:
            if plan.reports:
                rows = [report.row for report in plan.reports]
                result = self._capacity.record(session, rows)
                written.stored, written.duplicates = result.stored, result.duplicates
            if plan.seen:
                self._capacity.see(session, plan.seen)
            if plan.lost:
                self._capacity.lose(session, plan.lost)
            self._quarantine(session, plan)
        for report in plan.reports:
            written.receipt(report.reported.key)
        for key in plan.quarantined_keys:
            written.receipt(key)
        return written

    def _quarantine(self, session: Session, plan: Plan) -> None:
        for row in plan.quarantine:
            self._capacity.quarantine(
                session, topic=row.topic, payload=row.payload, cause=row.cause
            )

    def _commit_divided(self, plan: Plan) -> Written:
        """The reports by halves; then everything else, which holds no data of theirs."""
        written = Written()
        rest = Plan(
            seen=plan.seen,
            lost=plan.lost,
            quarantine=list(plan.quarantine),
            quarantined_keys=list(plan.quarantined_keys),
        )
        self._divide(plan.reports, written, rest)
        remainder = self._commit(rest)
        written.quarantined += remainder.quarantined
        for journal, offsets in remainder.durable.items():
            written.durable[journal].extend(offsets)
        return written

    def _divide(self, reports: Sequence[PlannedReport], written: Written, rest: Plan) -> None:
        if not reports:
            return
        try:
            part = self._commit(Plan(reports=list(reports)))
        except (StatementError, ResourceNotFoundError) as error:
            if not is_data_error(error):
                raise
            if len(reports) == 1:
                poison = poison_from(reports[0].reported, _cause(error))
                admit_poison(poison, self._budget, rest, now=self._clock.now())
                return
            middle = len(reports) // 2
            self._divide(reports[:middle], written, rest)
            self._divide(reports[middle:], written, rest)
            return
        written.stored += part.stored
        written.duplicates += part.duplicates
        for journal, offsets in part.durable.items():
            written.durable[journal].extend(offsets)


def is_data_error(error: Exception) -> bool:
    """Whether the data itself is objected to, so that sending it again cannot help."""
    if isinstance(error, DataError | IntegrityError | ResourceNotFoundError):
        return True
    return type(error) is StatementError and isinstance(
        error.orig, ValueError | OverflowError | TypeError
    )


def _cause(error: Exception) -> str:
    source = error.orig if isinstance(error, StatementError) else error
    return str(source).partition("\n")[0] or repr(source)
