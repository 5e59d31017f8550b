"""Accounts and postings (复式记账): signed entries of minor units that add up to nothing.

A positive entry goes into an account, a negative one comes out of it. What the provider holds for
us stands in ``provider_clearing`` with the opposite sign, so that the whole ledger sums to zero.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Final
from uuid import UUID, uuid5

from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OrganisationId
from services.contracts.money import Money
from services.ledger.domain.subject import Subject

AMOUNT_MAX: Final = 10**15
"""Minor units of one amount: ten trillion yuan, far from what 64 bits overflow at."""
_NAMESPACE: Final = UUID("6f0b8f0e-2f0a-5c5e-9c39-6c6564676572")


class AccountKind(StrEnum):
    WALLET = "wallet"
    """钱包: what an organisation may pay with or have paid out; never negative."""
    ESCROW = "escrow"
    """托管: what is set aside for one subject; never negative."""
    TAX = "tax"
    """税: value added tax set aside by an organisation, or by the platform for its own fee."""
    FEE = "fee"
    """平台服务费: what the platform earned."""
    PAYABLE = "payable"
    """应付: what an organisation owes others; zero or negative."""
    RECEIVABLE = "receivable"
    """应收: what others owe an organisation; zero or positive."""
    COST_CENTRE = "cost_centre"
    """成本中心: of an organisation's own books; any sign."""
    TEAM = "team"
    """班组: as a cost centre."""
    PAYOUT_TRANSIT = "payout_transit"
    """在途付款: taken from wallets, not yet confirmed by the provider."""
    PROVIDER_CLEARING = "provider_clearing"
    """支付清算: minus what the provider holds for everybody."""


PLATFORM_KINDS: Final = frozenset(
    {AccountKind.FEE, AccountKind.PAYOUT_TRANSIT, AccountKind.PROVIDER_CLEARING}
)
"""Always of the platform, which has no organisation id here."""
INTERNAL_KINDS: Final = frozenset({AccountKind.COST_CENTRE, AccountKind.TEAM})
FLOORED: Final = frozenset({AccountKind.WALLET, AccountKind.ESCROW, AccountKind.TAX})
"""Their balance never goes below zero."""


@dataclass(frozen=True, slots=True)
class Account:
    """``organisation_id`` owns it; ``None``: the platform.

    ``of`` tells apart several of one kind: the escrow's id, or the cost centre's.
    """

    kind: AccountKind
    organisation_id: OrganisationId | None
    currency: str
    of: UUID | None = None

    @property
    def id(self) -> UUID:
        return account_id(self.kind, self.organisation_id, self.currency, self.of)

    @property
    def is_kept(self) -> bool:
        """Whether its balance is kept in its row; the platform's are summed when read.

        Every release pays the platform: one row of it would make all of them wait in line.
        """
        return self.organisation_id is not None


def account_id(
    kind: AccountKind, organisation_id: OrganisationId | None, currency: str, of: UUID | None
) -> UUID:
    """The id follows from what the account is (UUIDv5, RFC 9562 §5.5).

    So whoever pays into another's account needs not be shown it, and it exists once.
    """
    return uuid5(_NAMESPACE, f"{kind}/{organisation_id or ''}/{currency}/{of or ''}")


class TransactionKind(StrEnum):
    FUNDING = "funding"
    RELEASE = "release"
    REFUND = "refund"
    LATE_FUNDING = "late_funding"
    """Money that came after its payment was given up: it goes to the payer's wallet."""
    PAYOUT = "payout"
    PAYOUT_SETTLED = "payout_settled"
    CHARGE = "charge"
    """A fee one organisation owes another."""
    SETTLEMENT = "settlement"
    """Payment of what is owed, from wallet to wallet."""
    INTERNAL = "internal"
    """Between cost centres and teams of one organisation."""
    REVERSAL = "reversal"


@dataclass(frozen=True, slots=True)
class Leg:
    """One side of a posting, before it is written."""

    account: Account
    minor: int


@dataclass(frozen=True, slots=True)
class Transaction:
    """``because`` explains it to who reads a statement; ``fact_id`` makes it happen once."""

    id: UUID
    kind: TransactionKind
    because: str
    subject: Subject
    fact_id: UUID
    at: datetime
    reverses: UUID | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A written leg, as a statement shows it; ``id`` grows with time."""

    id: UUID
    account_id: UUID
    transaction: Transaction
    amount: Money


class UnbalancedError(ValueError):
    """Legs that do not add up to nothing: a defect of whoever made them."""


class AmountInvalidError(DomainError):
    code: ClassVar[str] = "amount-invalid"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "An amount must be between 1 and {most} minor units, got {minor}."
    zh: ClassVar[str] = "金额须在 1 至 {most} 个最小货币单位之间，收到 {minor}。"


def check_amount(amount: Money) -> None:
    """Let a sensible amount pass.

    Raises:
        AmountInvalidError: it is nothing, less than nothing, or beyond any order.
    """
    if not 0 < amount.minor <= AMOUNT_MAX:
        raise AmountInvalidError(most=AMOUNT_MAX, minor=amount.minor)


def balanced(legs: Iterable[Leg]) -> tuple[Leg, ...]:
    """One leg per account, none of nothing, in order of account id: the order of locks.

    Raises:
        UnbalancedError: they do not add up to zero in each currency.
    """
    by_account: dict[Account, int] = defaultdict(int)
    by_currency: dict[str, int] = defaultdict(int)
    for leg in legs:
        by_account[leg.account] += leg.minor
        by_currency[leg.account.currency] += leg.minor
    if any(by_currency.values()):
        raise UnbalancedError(f"legs leave {dict(by_currency)}")
    moved = [Leg(account, minor) for account, minor in by_account.items() if minor]
    return tuple(sorted(moved, key=lambda leg: leg.account.id))


def reversed_legs(legs: Iterable[Leg]) -> tuple[Leg, ...]:
    """What undoes ``legs``."""
    return tuple(Leg(leg.account, -leg.minor) for leg in legs)
