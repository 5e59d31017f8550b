"""From a batch and the twins it concerns to the rows one transaction shall write. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from gateway.ingest.batch import Batch, DeviceKey, JournalKey, NodeKey, Poison, Refused, Reported
from gateway.ingest.quarantine_budget import QuarantineBudget
from services.capacity.domain import GatewayTwins, ReportedObservation
from services.contracts.ids import ResourceId
from services.contracts.intervals import ms_from_utc
from services.contracts.journal import offsets_metrics
from services.contracts.sparkplug import DataType, Metric, Payload, encode

CAUSE_CHARACTERS_MAX: Final = 500


@dataclass(frozen=True, slots=True)
class QuarantineRow:
    topic: str
    payload: bytes
    cause: str


@dataclass(frozen=True, slots=True)
class PlannedReport:
    """A row to record, and what its receipt and, should it fail, its quarantine need."""

    row: ReportedObservation
    reported: Reported


@dataclass(slots=True)
class Plan:
    """What to write, and which journal places are durable once it is written."""

    reports: list[PlannedReport] = field(default_factory=list)
    seen: dict[ResourceId, datetime] = field(default_factory=dict)
    lost: list[ResourceId] = field(default_factory=list)
    quarantine: list[QuarantineRow] = field(default_factory=list)
    quarantined_keys: list[JournalKey] = field(default_factory=list)
    suppressed: int = 0
    """Refused messages whose like was kept lately, or for which there was no room."""

    @property
    def is_empty(self) -> bool:
        return not (self.reports or self.seen or self.lost or self.quarantine)


def plan_batch(
    batch: Batch,
    twins: Mapping[NodeKey, GatewayTwins],
    budget: QuarantineBudget,
    *,
    now: datetime,
) -> Plan:
    """Sort ``batch`` into what capacity knows and what waits in quarantine."""
    plan = Plan()
    unknown: dict[tuple[str, str], Refused] = {}
    for reported in batch.reported.values():
        _plan_report(reported, twins, plan, unknown)
    for device, at in batch.seen.items():
        _plan_seen(device, at, twins, plan)
    plan.lost.extend(
        resource for device in batch.lost if (resource := _resource(device, twins)) is not None
    )
    for poison in batch.poison.values():
        if poison.key.node in twins:
            admit_poison(poison, budget, plan, now=now)
    for refused in [*batch.refused, *unknown.values()]:
        _admit_refused(refused, budget, plan, now=now)
    return plan


def admit_poison(poison: Poison, budget: QuarantineBudget, plan: Plan, *, now: datetime) -> None:
    """Quarantine ``poison`` if there is room; without room its edge keeps it and sends it again."""
    if budget.admits_bytes(len(poison.payload), now=now):
        plan.quarantine.append(_row(poison.topic, poison.payload, poison.cause))
        plan.quarantined_keys.append(poison.key)
    else:
        plan.suppressed += 1


def poison_from(reported: Reported, cause: str) -> Poison:
    """A valid-looking observation that the database refuses."""
    observation = reported.observation
    value = observation.value
    metric = Metric(
        value=ms_from_utc(value) if isinstance(value, datetime) else value,
        datatype=_DATATYPES[type(value)],
        name=observation.signal.value,
        timestamp_ms=ms_from_utc(observation.source_at),
        quality=observation.quality,
    )
    place = offsets_metrics(epoch=reported.key.epoch, offsets=[reported.key.offset])
    return Poison(reported.key, reported.topic, encode(Payload([metric, *place])), cause)


_DATATYPES: Final[dict[type, DataType]] = {
    str: DataType.STRING,
    int: DataType.INT64,
    float: DataType.DOUBLE,
    datetime: DataType.DATETIME,
    type(None): DataType.STRING,
}


def _plan_report(
    reported: Reported,
    twins: Mapping[NodeKey, GatewayTwins],
    plan: Plan,
    unknown: dict[tuple[str, str], Refused],
) -> None:
    key, device = reported.key, reported.observation.device
    gateway = twins.get(key.node)
    resource_id = gateway.resources.get(device) if gateway else None
    if gateway is None or resource_id is None:
        cause = "unknown gateway" if gateway is None else f"unknown device {device}"
        if (reported.topic, cause) not in unknown:
            payload = poison_from(reported, cause).payload
            unknown[reported.topic, cause] = Refused(reported.topic, payload, cause)
        return
    row = ReportedObservation(
        gateway.gateway_id, resource_id, key.epoch, key.offset, reported.observation
    )
    plan.reports.append(PlannedReport(row, reported))


def _plan_seen(
    device: DeviceKey, at: datetime, twins: Mapping[NodeKey, GatewayTwins], plan: Plan
) -> None:
    resource = _resource(device, twins)
    if resource is not None:
        plan.seen[resource] = at


def _resource(device: DeviceKey, twins: Mapping[NodeKey, GatewayTwins]) -> ResourceId | None:
    gateway = twins.get(device.node)
    return None if gateway is None else gateway.resources.get(device.device)


def _admit_refused(
    refused: Refused, budget: QuarantineBudget, plan: Plan, *, now: datetime
) -> None:
    row = _row(refused.topic, refused.payload, refused.cause)
    size = len(row.payload)
    if budget.admits_message(topic=row.topic, cause=row.cause, size=size, now=now):
        plan.quarantine.append(row)
    else:
        plan.suppressed += 1


def _row(topic: str, payload: bytes, cause: str) -> QuarantineRow:
    """A row PostgreSQL takes: no NUL, no endless text."""
    return QuarantineRow(
        topic=_printable(topic),
        payload=payload,
        cause=_printable(cause),
    )


def _printable(text: str) -> str:
    return text[:CAUSE_CHARACTERS_MAX].encode("ascii", "backslashreplace").decode()
