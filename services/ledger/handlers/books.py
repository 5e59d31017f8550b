"""Use cases of reading books, and of an organisation's internal bookings (内部结算)."""

from collections.abc import Sequence
from typing import ClassVar, Final
from uuid import UUID, uuid5

from sqlmodel import Session

from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OrganisationId
from services.contracts.intervals import Interval
from services.contracts.money import Money
from services.ledger.domain import Account, AccountKind, Leg, Subject, TransactionKind
from services.ledger.domain.accounts import INTERNAL_KINDS, check_amount
from services.ledger.domain.books import KeptAccount, Statement
from services.ledger.handlers.posting import post
from services.ledger.store import accounts as store
from services.runtime.audit.recording import note
from services.runtime.clock import Clock

ENTRIES_MAX: Final = 10_000
"""Entries of one statement."""


class AccountNotFoundError(DomainError):
    code: ClassVar[str] = "account-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "Your organisation has no account {account_id}; list /accounts."
    zh: ClassVar[str] = "贵组织没有账户 {account_id}；请查看 /accounts。"


class CodeTakenError(DomainError):
    code: ClassVar[str] = "account-code-taken"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "A {kind} in {currency} with the code {code!r} exists; choose another code."
    zh: ClassVar[str] = "币种为 {currency} 的 {kind} 编码 {code!r} 已存在；请更换编码。"


class NotInternalError(DomainError):
    code: ClassVar[str] = "account-not-internal"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = (
        "Between {source} and {target} nothing can be booked internally: both must be different"
        " cost centres or teams of the same currency."
    )
    zh: ClassVar[str] = "无法在 {source} 与 {target} 间内部结算：须为同币种的不同成本中心或班组。"


def list_accounts(
    *,
    session: Session,
    organisation_id: OrganisationId,
    kinds: Sequence[AccountKind] | None = None,
    after: UUID | None,
    limit: int,
) -> list[KeptAccount]:
    """A page of the organisation's accounts with their balances, in order of id."""
    return store.accounts_after(
        session, organisation_id=organisation_id, kinds=kinds, after=after, limit=limit
    )


def get_account(
    *, session: Session, organisation_id: OrganisationId, account_id: UUID
) -> KeptAccount:
    """Read an account with what is in it.

    Raises:
        AccountNotFoundError: the organisation has none of that id.
    """
    found = store.find_account(session, account_id, organisation_id)
    if found is None:
        raise AccountNotFoundError(account_id=account_id)
    return found


def statement(
    *, session: Session, organisation_id: OrganisationId, account: UUID, period: Interval
) -> Statement:
    """What an own account held before ``period``, and every entry within it.

    Raises:
        AccountNotFoundError: the organisation has none of that id.
    """
    kept = get_account(session=session, organisation_id=organisation_id, account_id=account)
    entries = store.entries_in(session, account, period=period, limit=ENTRIES_MAX + 1)
    opening = store.sum_before(session, account, period.start)
    return Statement(
        account=kept,
        period=period,
        opening=Money(opening, kept.balance.currency),
        entries=tuple(entries[:ENTRIES_MAX]),
        is_whole=len(entries) <= ENTRIES_MAX,
    )


def open_internal_account(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    kind: AccountKind,
    code: str,
    name: str,
    currency: str,
) -> KeptAccount:
    """Open a cost centre or a team of the organisation.

    Raises:
        CodeTakenError: there is one of that code.
    """
    assert kind in INTERNAL_KINDS, "the route offers no other"
    of = uuid5(organisation_id, code)
    account = Account(kind, organisation_id, currency, of)
    now = clock.now()
    if not store.insert_internal(
        session, account, code=code, name=name, opened_by=organisation_id, now=now
    ):
        raise CodeTakenError(kind=kind, currency=currency, code=code)
    opened = KeptAccount(account, Money(0, currency), code, name)
    note(session, subject_kind="ledger_account", subject_id=account.id, after=opened)
    return opened


def book_internally(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    source: UUID,
    target: UUID,
    amount: Money,
    because: str,
    subject: Subject,
    fact_id: UUID,
) -> bool:
    """Charge one cost centre or team of the organisation to another; whether it was not yet.

    Raises:
        AccountNotFoundError, NotInternalError: no two accounts between which that is possible.
        AmountInvalidError: no such amount.
    """
    check_amount(amount)
    sides = [
        get_account(session=session, organisation_id=organisation_id, account_id=one).account
        for one in (source, target)
    ]
    fits = all(one.kind in INTERNAL_KINDS and one.currency == amount.currency for one in sides)
    if not fits or source == target:
        raise NotInternalError(source=source, target=target)
    posted = post(
        session=session,
        clock=clock,
        kind=TransactionKind.INTERNAL,
        because=because,
        subject=subject,
        fact_id=uuid5(organisation_id, str(fact_id)),
        legs=(Leg(sides[0], -amount.minor), Leg(sides[1], amount.minor)),
    )
    return posted is not None
