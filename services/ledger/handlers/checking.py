"""Use case of verifying the whole ledger, as whoever sees all of it."""

from dataclasses import dataclass
from typing import Final

from sqlmodel import Session

from services.ledger.store import checking as store

BREACHES_MAX: Final = 20
"""Of one kind that are told."""


@dataclass(frozen=True, slots=True)
class Report:
    """``total`` is the sum of all entries in minor units, whatever their currency."""

    total: int
    accounts: int
    transactions: int
    entries: int
    escrows: int
    payments: int
    breaches: tuple[str, ...]

    @property
    def is_sound(self) -> bool:
        return self.total == 0 and not self.breaches


def check(*, session: Session) -> Report:
    """Ask every invariant of every row; needs a transaction that sees all of them."""
    accounts, transactions, entries, escrows, payments = store.counts(session)
    return Report(
        total=store.total(session),
        accounts=accounts,
        transactions=transactions,
        entries=entries,
        escrows=escrows,
        payments=payments,
        breaches=tuple(store.breaches(session, limit=BREACHES_MAX)),
    )
