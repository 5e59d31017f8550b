"""Terms of cancellation (取消条款): what giving a booking back, or not coming, costs the buyer."""

from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import ClassVar, Final

from services.capacity.domain import HORIZON_DAYS_MAX
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.money import Money

PERCENT_MAX: Final = 100
FREE_MINUTES_MAX: Final = HORIZON_DAYS_MAX * 24 * 60
GRACE_MINUTES_MAX: Final = 24 * 60
FEE_MINOR_MAX: Final = 10**15


class TermsInvalidError(DomainError):
    code: ClassVar[str] = "cancellation-policy-invalid"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "{field} is {value}; give 0 to {most}."
    zh: ClassVar[str] = "{field} 为 {value}；请填写 0 至 {most}。"


class ChargeReason(StrEnum):
    """What a buyer owes for."""

    LATE_CANCELLATION = "late_cancellation"
    NO_SHOW = "no_show"


@dataclass(frozen=True, slots=True)
class Charge:
    """What a buyer owes its provider for a booking that was not used; more than nothing."""

    amount: Money
    reason: ChargeReason


@dataclass(frozen=True, slots=True)
class Terms:
    """Terms of one resource, or those a booking was agreed under.

    Until ``free_minutes`` before the start cancelling costs nothing, later ``late_percent`` of the
    price and ``late_minimum_minor`` at least. Who has not come ``grace_minutes`` after the start
    can be reported, and owes by the other two. Nothing ever costs more than the price.

    Raises:
        TermsInvalidError: a field out of range.
    """

    free_minutes: int = 0
    late_percent: int = 0
    late_minimum_minor: int = 0
    no_show_percent: int = 0
    no_show_minimum_minor: int = 0
    grace_minutes: int = 0

    def __post_init__(self) -> None:
        for one in fields(self):
            value, most = getattr(self, one.name), LIMITS[one.name]
            if not 0 <= value <= most:
                raise TermsInvalidError(field=one.name, value=value, most=most)

    def free_until(self, start: datetime) -> datetime:
        """Up to and without this moment a slot from ``start`` on is given back for nothing."""
        return start - timedelta(minutes=self.free_minutes)

    def no_show_from(self, start: datetime) -> datetime:
        """The earliest moment at which nobody can be said to have come."""
        return start + timedelta(minutes=self.grace_minutes)

    def late_fee(self, price: Money) -> Money:
        """For giving back late what costs ``price``."""
        return _fee(price, self.late_percent, self.late_minimum_minor)

    def no_show_fee(self, price: Money) -> Money:
        """For not coming to what costs ``price``."""
        return _fee(price, self.no_show_percent, self.no_show_minimum_minor)


LIMITS: Final = {
    "free_minutes": FREE_MINUTES_MAX,
    "late_percent": PERCENT_MAX,
    "late_minimum_minor": FEE_MINOR_MAX,
    "no_show_percent": PERCENT_MAX,
    "no_show_minimum_minor": FEE_MINOR_MAX,
    "grace_minutes": GRACE_MINUTES_MAX,
}
NO_TERMS: Final = Terms()
"""Nothing costs anything, whenever it is given back."""


def _fee(price: Money, percent: int, minimum_minor: int) -> Money:
    share = price.times(Fraction(percent, PERCENT_MAX))
    return Money(min(price.minor, max(share.minor, minimum_minor)), price.currency)
