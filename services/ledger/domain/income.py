"""What an organisation was paid out of escrows (收入), as others may count it with consent."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.contracts.money import Money


@dataclass(frozen=True, slots=True)
class Income:
    """A release to the payee; ``id`` is the movement's, ``amount`` with tax and before fees."""

    id: UUID
    amount: Money
    at: datetime


@dataclass(frozen=True, slots=True)
class Held:
    """``id`` is the escrow's, ``amount`` what it still holds for the payee."""

    id: UUID
    amount: Money
