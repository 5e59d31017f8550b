"""Money (货币): integer minor units and an ISO 4217 code; arithmetic never mixes currencies."""

import re
from dataclasses import dataclass
from fractions import Fraction
from math import floor

_CURRENCY = re.compile(r"[A-Z]{3}")


class CurrencyMismatchError(ValueError):
    """Two amounts of different currencies were added or compared."""


@dataclass(frozen=True, slots=True)
class Money:
    """``minor`` units (fen, cents) of ``currency``.

    Raises:
        ValueError: ``currency`` is not three capital letters.
    """

    minor: int
    currency: str = "CNY"

    def __post_init__(self) -> None:
        if _CURRENCY.fullmatch(self.currency) is None:
            raise ValueError(f"currency must be an ISO 4217 code, got {self.currency!r}")

    def __add__(self, other: "Money") -> "Money":
        self._same_currency(other)
        return Money(self.minor + other.minor, self.currency)

    def __le__(self, other: "Money") -> bool:
        self._same_currency(other)
        return self.minor <= other.minor

    def times(self, factor: int | Fraction) -> "Money":
        """Multiply and round half up to a whole minor unit."""
        return Money(floor(Fraction(self.minor) * factor + Fraction(1, 2)), self.currency)

    def _same_currency(self, other: "Money") -> None:
        if self.currency != other.currency:
            raise CurrencyMismatchError(f"{self.currency} and {other.currency} do not mix")
