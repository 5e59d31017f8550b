"""What the ledger asks of a payment provider.

A provider is called outside of any transaction. It keeps every promise below, and no other: it may
be slow, silent, or tell the same thing again and again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from services.contracts.money import Money
from services.ledger.domain import Answer, PaymentKind


class ProviderSilentError(Exception):
    """No answer came: the request, or its answer, may be lost on the way."""


@dataclass(frozen=True, slots=True)
class Order:
    """Move ``amount``; ``key`` is the idempotency key: the same key is the same order."""

    key: UUID
    kind: PaymentKind
    amount: Money
    method: str


@dataclass(frozen=True, slots=True)
class Notice:
    """What the provider tells by itself, until it is acknowledged."""

    key: UUID
    answer: Answer


class Provider(Protocol):
    """``disclaimer`` tells persons who it is."""

    disclaimer: str

    def ask(self, order: Order) -> Answer:
        """Order it, once per key: asked again it says how that order stands.

        Raises:
            ProviderSilentError: no answer came.
        """

    def look_up(self, key: UUID) -> Answer | None:
        """How an order stands; ``None``: none of that key ever arrived.

        Raises:
            ProviderSilentError: no answer came.
        """

    def notices(self) -> Sequence[Notice]:
        """What it tells by itself and nobody acknowledged; perhaps several times over."""

    def acknowledge(self, notice: Notice) -> None:
        """Have it not told again."""
