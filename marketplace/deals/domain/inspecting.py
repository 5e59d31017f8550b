"""Inspection reports (检验报告): samples and measurements, from which the verdict is computed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import ClassVar, Final
from uuid import UUID

from marketplace.deals.domain.sampling import Aql, Plan, Severity, plan_of
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OrganisationId

CHARACTERISTICS_MAX: Final = 100
MEASURED_MAX: Final = 1_250


class InspectionInvalidError(DomainError):
    code: ClassVar[str] = "inspection-invalid"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "This report cannot be kept: {en}; change {field}."
    zh: ClassVar[str] = "该检验报告无法保存：{zh}；请修改 {field}。"


@dataclass(frozen=True, slots=True)
class Sampled:
    """What was found of one severity: ``defects`` nonconforming of ``inspected`` items."""

    severity: Severity
    aql: Aql
    inspected: int
    defects: int


@dataclass(frozen=True, slots=True)
class Characteristic:
    """A dimension or property: what it shall be, by how much it may depart, what was measured.

    ``lower`` and ``upper`` are the departures allowed below and above ``nominal``, in ``unit`` too;
    neither is negative.
    """

    name: str
    nominal: Decimal
    lower: Decimal
    upper: Decimal
    unit: str
    severity: Severity
    measured: tuple[Decimal, ...]

    @property
    def outside(self) -> int:
        """How many of the measured are out of tolerance."""
        least, most = self.nominal - self.lower, self.nominal + self.upper
        return sum(not least <= value <= most for value in self.measured)


@dataclass(frozen=True, slots=True)
class Finding:
    """One reason for the verdict: ``found`` nonconforming where the plan accepts up to ``accept``.

    A sample that is too small does not pass, whatever was found.
    """

    severity: Severity
    plan: Plan
    inspected: int
    found: int

    @property
    def passed(self) -> bool:
        return self.inspected >= self.plan.sample and self.found <= self.plan.accept


@dataclass(frozen=True, slots=True)
class Inspection:
    """A report by ``inspected_by`` on ``lot`` items of a line of an order."""

    id: UUID
    organisation_id: OrganisationId
    supplier_id: OrganisationId
    order_id: UUID
    line: int
    lot: int
    sampled: tuple[Sampled, ...]
    characteristics: tuple[Characteristic, ...]
    findings: tuple[Finding, ...]
    passed: bool
    inspected_by: OrganisationId
    created_at: datetime


def judge(
    lot: int, sampled: Sequence[Sampled], characteristics: Sequence[Characteristic]
) -> tuple[Finding, ...]:
    """What the report comes to per severity; it passes when every finding does.

    Measured items that are out of tolerance count as nonconforming of their severity, beside the
    defects found otherwise.

    Raises:
        InspectionInvalidError: nothing was inspected, more than there is, or a severity twice.
    """
    severities = [one.severity for one in sampled]
    if not sampled or len(set(severities)) != len(severities):
        raise InspectionInvalidError(
            field="sampled", en="each severity is sampled once", zh="每个缺陷等级须且只抽样一次"
        )
    for one in sampled:
        if not 0 <= one.defects <= one.inspected <= lot:
            raise InspectionInvalidError(
                field="sampled",
                en=f"{one.defects} of {one.inspected} inspected of {lot} is no sample",
                zh=f"批量 {lot} 中检验 {one.inspected} 件、缺陷 {one.defects} 件不成立",
            )
    _check_characteristics(severities, characteristics)
    return tuple(_finding(lot, one, characteristics) for one in sampled)


def _check_characteristics(
    severities: Sequence[Severity], characteristics: Sequence[Characteristic]
) -> None:
    for one in characteristics:
        if one.severity not in severities or one.lower < 0 or one.upper < 0:
            raise InspectionInvalidError(
                field="characteristics",
                en=f"{one.name} is of a severity not sampled, or has a negative tolerance",
                zh=f"{one.name} 的缺陷等级未抽样，或公差为负",
            )


def _finding(lot: int, one: Sampled, characteristics: Sequence[Characteristic]) -> Finding:
    outside = sum(each.outside for each in characteristics if each.severity is one.severity)
    plan = plan_of(one.severity, lot, one.aql)
    return Finding(one.severity, plan, one.inspected, one.defects + outside)
