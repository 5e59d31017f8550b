"""What an organisation reads of its books (账簿): balances and statements."""

from dataclasses import dataclass
from uuid import UUID

from services.contracts.intervals import Interval
from services.contracts.money import Money
from services.ledger.domain.accounts import Account, Entry


@dataclass(frozen=True, slots=True)
class KeptAccount:
    """An account with what is in it; ``code`` and ``name`` of a cost centre or team."""

    account: Account
    balance: Money
    code: str | None = None
    name: str | None = None

    @property
    def id(self) -> UUID:
        return self.account.id


@dataclass(frozen=True, slots=True)
class Statement:
    """对账单: the entries of an account within ``period``; ``opening`` plus them is ``closing``.

    ``is_whole``: false when there were more entries than are told; choose a shorter period.
    """

    account: KeptAccount
    period: Interval
    opening: Money
    entries: tuple[Entry, ...]
    is_whole: bool

    @property
    def closing(self) -> Money:
        moved = sum(entry.amount.minor for entry in self.entries)
        return Money(self.opening.minor + moved, self.opening.currency)
