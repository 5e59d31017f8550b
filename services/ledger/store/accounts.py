"""Accounts, transactions and entries. A posting is three statements; triggers do the rest."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select

from services.contracts.ids import OrganisationId
from services.contracts.intervals import Interval
from services.contracts.money import Money
from services.ledger.domain import (
    Account,
    AccountKind,
    Entry,
    Leg,
    Subject,
    Transaction,
    TransactionKind,
)
from services.ledger.domain.books import KeptAccount
from services.ledger.store.adding import is_added
from services.ledger.tables import AccountRow, EntryRow, TransactionRow

FLOORS: Final = frozenset({
    "ck_ledger_account_not_negative", "ck_ledger_account_owed_not_positive",
})  # fmt: skip
"""Constraints that refuse to take more from an account than it holds."""


def open_accounts(
    session: Session,
    accounts: Sequence[Account],
    *,
    opened_by: OrganisationId | None,
    now: datetime,
) -> None:
    """Those that do not exist yet, empty."""
    rows = [
        {
            "id": account.id,
            "organisation_id": account.organisation_id,
            "kind": account.kind,
            "currency": account.currency,
            "of": account.of,
            "balance_minor": 0 if account.is_kept else None,
            "opened_by": opened_by,
            "created_at": now,
        }
        for account in accounts
    ]
    session.connection().execute(insert(AccountRow).values(rows).on_conflict_do_nothing())


def insert_internal(
    session: Session,
    account: Account,
    *,
    code: str,
    name: str,
    opened_by: OrganisationId,
    now: datetime,
) -> bool:
    """Whether a cost centre or team was added: a code stands for one."""
    values = {
        "id": account.id,
        "organisation_id": account.organisation_id,
        "kind": account.kind,
        "currency": account.currency,
        "of": account.of,
        "code": code,
        "name": name,
        "balance_minor": 0,
        "opened_by": opened_by,
        "created_at": now,
    }
    return is_added(session, AccountRow, values)


def insert_transaction(
    session: Session, transaction: Transaction, *, initiator_id: OrganisationId | None
) -> bool:
    """Whether it was added: a fact brings about one transaction of a kind."""
    subject = transaction.subject
    values = {
        "id": transaction.id,
        "organisation_id": initiator_id,
        "kind": transaction.kind,
        "because": transaction.because,
        "subject_kind": subject.kind,
        "subject_id": subject.id,
        "fact_id": transaction.fact_id,
        "reverses": transaction.reverses,
        "at": transaction.at,
    }
    return is_added(session, TransactionRow, values)


def insert_entries(
    session: Session,
    transaction: Transaction,
    legs: Sequence[tuple[UUID, Leg]],
    *,
    initiator_id: OrganisationId | None,
) -> None:
    """In one statement, so that balances move once for the whole of it."""
    rows = [
        {
            "id": entry_id,
            "organisation_id": leg.account.organisation_id,
            "account_id": leg.account.id,
            "transaction_id": transaction.id,
            "initiator_id": initiator_id,
            "amount_minor": leg.minor,
            "currency": leg.account.currency,
            "at": transaction.at,
        }
        for entry_id, leg in legs
    ]
    session.connection().execute(insert(EntryRow).inline().values(rows))


def find_transaction(session: Session, kind: TransactionKind, fact_id: UUID) -> Transaction | None:
    query = select(TransactionRow).where(
        col(TransactionRow.kind) == kind, col(TransactionRow.fact_id) == fact_id
    )
    row = session.exec(query).one_or_none()
    return None if row is None else _transaction(row)


def legs_of(session: Session, transaction_id: UUID) -> tuple[Leg, ...]:
    """All legs of a transaction, as far as the caller may see them."""
    query = (
        select(EntryRow, AccountRow)
        .join(AccountRow, col(AccountRow.id) == col(EntryRow.account_id))
        .where(col(EntryRow.transaction_id) == transaction_id)
    )
    return tuple(
        Leg(_account(account), entry.amount_minor) for entry, account in session.exec(query)
    )


def find_account(
    session: Session, account_id: UUID, organisation_id: OrganisationId
) -> KeptAccount | None:
    """An account of the organisation."""
    query = select(AccountRow).where(
        col(AccountRow.id) == account_id, col(AccountRow.organisation_id) == organisation_id
    )
    row = session.exec(query, execution_options={"populate_existing": True}).one_or_none()
    return None if row is None else _kept(row)


def accounts_after(
    session: Session,
    *,
    organisation_id: OrganisationId,
    kinds: Sequence[AccountKind] | None,
    after: UUID | None,
    limit: int,
) -> list[KeptAccount]:
    query = select(AccountRow).where(col(AccountRow.organisation_id) == organisation_id)
    if kinds is not None:
        query = query.where(col(AccountRow.kind).in_(kinds))
    if after is not None:
        query = query.where(col(AccountRow.id) > after)
    ordered = query.order_by(col(AccountRow.id)).limit(limit)
    found = session.exec(ordered, execution_options={"populate_existing": True})
    return [_kept(row) for row in found]


def balance(session: Session, account: Account) -> Money:
    """Of any account the caller may see; nothing of one that was never opened."""
    query = select(AccountRow.balance_minor).where(col(AccountRow.id) == account.id)
    if not account.is_kept:
        summed = func.coalesce(func.sum(col(EntryRow.amount_minor)), 0)
        query = select(summed).where(col(EntryRow.account_id) == account.id)
    minor = session.exec(query).one_or_none()
    return Money(int(minor or 0), account.currency)


def sum_before(session: Session, account_id: UUID, moment: datetime) -> int:
    query = select(func.coalesce(func.sum(col(EntryRow.amount_minor)), 0)).where(
        col(EntryRow.account_id) == account_id, col(EntryRow.at) < moment
    )
    return int(session.exec(query).one())


def entries_in(session: Session, account_id: UUID, *, period: Interval, limit: int) -> list[Entry]:
    """In order of writing, ``limit`` at most."""
    query = (
        select(EntryRow, TransactionRow)
        .join(TransactionRow, col(TransactionRow.id) == col(EntryRow.transaction_id))
        .where(
            col(EntryRow.account_id) == account_id,
            col(EntryRow.at) >= period.start,
            col(EntryRow.at) < period.end,
        )
        .order_by(col(EntryRow.at), col(EntryRow.id))
        .limit(limit)
    )
    return [
        Entry(
            id=entry.id,
            account_id=entry.account_id,
            transaction=_transaction(transaction),
            amount=Money(entry.amount_minor, entry.currency),
        )
        for entry, transaction in session.exec(query)
    ]


def _account(row: AccountRow) -> Account:
    owner = None if row.organisation_id is None else OrganisationId(row.organisation_id)
    return Account(AccountKind(row.kind), owner, row.currency, row.of)


def _kept(row: AccountRow) -> KeptAccount:
    return KeptAccount(
        account=_account(row),
        balance=Money(row.balance_minor or 0, row.currency),
        code=row.code,
        name=row.name,
    )


def _transaction(row: TransactionRow) -> Transaction:
    return Transaction(**_told(row))


def _told(row: TransactionRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "kind": TransactionKind(row.kind),
        "because": row.because,
        "subject": Subject(row.subject_kind, row.subject_id),
        "fact_id": row.fact_id,
        "at": row.at,
        "reverses": row.reverses,
    }
