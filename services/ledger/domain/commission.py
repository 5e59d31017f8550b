"""Commission and VAT (佣金与增值税): rules are data, in force from a day; results leave a trace."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from math import floor
from typing import ClassVar, Final

from services.contracts.errors import DomainError, ErrorKind

BASIS: Final = 10_000
"""Basis points of the whole."""


class NoCommissionRuleError(DomainError):
    code: ClassVar[str] = "commission-rule-unknown"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "No commission rule {key!r} is in force on {day} for {currency}."
    zh: ClassVar[str] = "{day} 没有适用于 {currency} 的佣金规则 {key!r}。"


@dataclass(frozen=True, slots=True)
class Tier:
    """``rate`` in basis points of what lies above the tier before, up to ``up_to`` minor units."""

    rate: int
    up_to: int | None = None


@dataclass(frozen=True, slots=True)
class CommissionRule:
    """One version of the rule ``key``, in force from ``valid_from`` until before ``valid_until``.

    Each tier charges its slice, like an income tax. ``minimum`` and ``maximum`` are minor units of
    ``currency``. The fee contains value added tax of ``vat_rate`` basis points.
    """

    key: str
    version: int
    currency: str
    valid_from: date
    valid_until: date | None
    tiers: tuple[Tier, ...]
    minimum: int
    maximum: int | None
    vat_rate: int
    en: str
    zh: str

    def __post_init__(self) -> None:
        """Raises ``ValueError`` for a rule whose fee could fall while the amount grows."""
        bounds = [tier.up_to for tier in self.tiers]
        if not bounds or bounds[-1] is not None or None in bounds[:-1]:
            raise ValueError(f"{self.key}: the last tier, and only that, has no end")
        ends = [bound for bound in bounds if bound is not None]
        if ends != sorted(set(ends)) or any(end <= 0 for end in ends):
            raise ValueError(f"{self.key}: tiers must rise")
        if any(not 0 <= tier.rate <= BASIS for tier in self.tiers):
            raise ValueError(f"{self.key}: a rate is 0 to {BASIS} basis points")
        if self.minimum < 0 or (self.maximum is not None and self.maximum < self.minimum):
            raise ValueError(f"{self.key}: 0 <= minimum <= maximum")

    def is_in_force(self, day: date) -> bool:
        return self.valid_from <= day and (self.valid_until is None or day < self.valid_until)


@dataclass(frozen=True, slots=True)
class Commission:
    """``minor`` with what led to it, step by step."""

    minor: int
    trace: tuple[str, ...]


def rule_in_force(
    rules: Sequence[CommissionRule], key: str, *, currency: str, day: date
) -> CommissionRule:
    """The version of ``key`` for ``currency`` on ``day``; of several the newest.

    Raises:
        NoCommissionRuleError: there is none.
    """
    found = [
        rule
        for rule in rules
        if rule.key == key and rule.currency == currency and rule.is_in_force(day)
    ]
    if not found:
        raise NoCommissionRuleError(key=key, day=day, currency=currency)
    return max(found, key=lambda rule: rule.version)


def commission(rule: CommissionRule, base: int) -> Commission:
    """The fee on ``base`` minor units without tax: never more than ``base``, never falling."""
    exact, below = Fraction(0), 0
    trace = [f"{rule.key} v{rule.version} on {base}"]
    for tier in rule.tiers:
        slice_ = (base if tier.up_to is None else min(base, tier.up_to)) - below
        if slice_ <= 0:
            break
        part = Fraction(slice_ * tier.rate, BASIS)
        exact += part
        below += slice_
        trace.append(f"{slice_} at {tier.rate} bp = {_shown(part)}")
    fee = half_up(exact)
    trace.append(f"rounded half up to {fee}")
    if fee < rule.minimum:
        fee = rule.minimum
        trace.append(f"at least {fee}")
    if rule.maximum is not None and fee > rule.maximum:
        fee = rule.maximum
        trace.append(f"at most {fee}")
    if fee > base:
        trace.append(f"no more than there is: {base}")
        fee = base
    return Commission(fee, tuple(trace))


def included_vat(gross: int, rate: int) -> int:
    """The tax within ``gross`` at ``rate`` basis points, rounded half up; monotone in ``gross``."""
    return half_up(Fraction(gross * rate, BASIS + rate))


def half_up(exact: Fraction) -> int:
    return floor(exact + Fraction(1, 2))


def _shown(exact: Fraction) -> str:
    return str(exact.numerator) if exact.denominator == 1 else f"{float(exact):.4f}"
