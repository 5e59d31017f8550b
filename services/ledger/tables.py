"""The tables of the ledger. Triggers keep balances and see that every transaction balances."""

from datetime import datetime
from typing import Any, ClassVar, Final
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from services.ledger.domain import (
    AccountKind,
    EscrowState,
    MovementKind,
    PaymentKind,
    PaymentState,
    TransactionKind,
)
from services.ledger.domain.accounts import FLOORED, INTERNAL_KINDS, PLATFORM_KINDS
from services.runtime.tables import instant

CURRENCY_SQL: Final = "currency ~ '^[A-Z]{3}$'"


def _one_of(words: Any) -> str:
    return ", ".join(f"'{word}'" for word in sorted(words))


def _minor(*, nullable: bool = False) -> Any:
    return Field(default=None, sa_column=Column(BigInteger, nullable=nullable))


def _counted() -> Any:
    return Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default=text("0")))


class AccountRow(SQLModel, table=True):
    """An account of ``organisation_id``, or of the platform if there is none.

    ``balance_minor`` is kept by the trigger on entries; null where it is summed when read.
    """

    __tablename__: ClassVar[str] = "ledger_account"
    __table_args__ = (
        CheckConstraint(f"kind IN ({_one_of(AccountKind)})", name="kind"),
        CheckConstraint(CURRENCY_SQL, name="currency"),
        CheckConstraint(
            f"organisation_id IS NULL OR kind NOT IN ({_one_of(PLATFORM_KINDS)})",
            name="of_the_platform",
        ),
        CheckConstraint(
            "(organisation_id IS NULL) = (balance_minor IS NULL)", name="kept_or_summed"
        ),
        CheckConstraint(
            f"balance_minor >= 0 OR kind NOT IN ({_one_of(FLOORED)})", name="not_negative"
        ),
        CheckConstraint("balance_minor <= 0 OR kind <> 'payable'", name="owed_not_positive"),
        CheckConstraint(
            f"(code IS NOT NULL) = (kind IN ({_one_of(INTERNAL_KINDS)}))", name="internal_has_code"
        ),
        UniqueConstraint("id", "currency"),
        UniqueConstraint("organisation_id", "id"),
        Index(
            "uq_ledger_account_code",
            "organisation_id",
            "kind",
            "currency",
            "code",
            unique=True,
            postgresql_where=text("code IS NOT NULL"),
        ),
        Index(
            "uq_ledger_account_of_escrow",
            "of",
            unique=True,
            postgresql_where=text("kind = 'escrow'"),
        ),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    kind: str
    currency: str
    of: UUID | None = None
    code: str | None = None
    name: str | None = None
    balance_minor: int | None = _minor(nullable=True)
    opened_by: UUID | None = None
    created_at: datetime = instant()


class TransactionRow(SQLModel, table=True):
    """What ``organisation_id`` brought about, or the platform if there is none. Never changed."""

    __tablename__: ClassVar[str] = "ledger_transaction"
    __table_args__ = (
        CheckConstraint(f"kind IN ({_one_of(TransactionKind)})", name="kind"),
        CheckConstraint("(kind = 'reversal') = (reverses IS NOT NULL)", name="reversal"),
        UniqueConstraint("kind", "fact_id"),
        UniqueConstraint("reverses"),
        UniqueConstraint("organisation_id", "id"),
        Index("ix_ledger_transaction_subject", "subject_kind", "subject_id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID | None = Field(default=None, foreign_key="organisation.id")
    kind: str
    because: str
    subject_kind: str
    subject_id: UUID
    fact_id: UUID
    reverses: UUID | None = Field(default=None, foreign_key="ledger_transaction.id")
    at: datetime = instant()


class EntryRow(SQLModel, table=True):
    """An amount into (positive) or out of (negative) an account. Never changed, never deleted.

    ``organisation_id`` owns the account, ``initiator_id`` brought the transaction about.
    """

    __tablename__: ClassVar[str] = "ledger_entry"
    __table_args__ = (
        CheckConstraint("amount_minor <> 0", name="amount"),
        ForeignKeyConstraint(
            ["account_id", "currency"], ["ledger_account.id", "ledger_account.currency"]
        ),
        ForeignKeyConstraint(
            ["organisation_id", "account_id"],
            ["ledger_account.organisation_id", "ledger_account.id"],
        ),
        ForeignKeyConstraint(
            ["initiator_id", "transaction_id"],
            ["ledger_transaction.organisation_id", "ledger_transaction.id"],
        ),
        UniqueConstraint("transaction_id", "account_id"),
        Index("ix_ledger_entry_account_id_id", "account_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID | None = None
    account_id: UUID
    transaction_id: UUID = Field(foreign_key="ledger_transaction.id")
    initiator_id: UUID | None = None
    amount_minor: int = _minor()
    currency: str
    at: datetime = instant()


class EscrowRow(SQLModel, table=True):
    """What ``organisation_id`` sets aside for ``payee_id``; one per subject."""

    __tablename__: ClassVar[str] = "ledger_escrow"
    __table_args__ = (
        CheckConstraint(f"state IN ({_one_of(EscrowState)})", name="state"),
        CheckConstraint(CURRENCY_SQL, name="currency"),
        CheckConstraint("amount_minor > 0", name="amount"),
        CheckConstraint("vat_rate BETWEEN 0 AND 10000", name="vat_rate"),
        CheckConstraint(
            "funded_minor IN (0, amount_minor) AND released_minor >= 0 AND refunded_minor >= 0"
            " AND released_minor + refunded_minor <= funded_minor",
            name="within_amount",
        ),
        CheckConstraint(
            "(state = 'funded') = (funded_minor > released_minor + refunded_minor)"
            " AND (state = 'settled')"
            " = (funded_minor > 0 AND funded_minor = released_minor + refunded_minor)",
            name="state_by_amounts",
        ),
        UniqueConstraint("subject_kind", "subject_id"),
        UniqueConstraint("organisation_id", "id"),
        Index("ix_ledger_escrow_payee_id_id", "payee_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    payee_id: UUID = Field(foreign_key="organisation.id")
    subject_kind: str
    subject_id: UUID
    amount_minor: int = _minor()
    currency: str
    vat_rate: int
    commission_rule: str
    commission_version: int
    share_rule_id: UUID | None = Field(default=None, foreign_key="ledger_share_rule.id")
    state: str
    funded_minor: int = _counted()
    released_minor: int = _counted()
    refunded_minor: int = _counted()
    frozen_because: str | None = None
    opened_at: datetime = instant()
    updated_at: datetime = instant()


class MovementRow(SQLModel, table=True):
    """A step of an escrow, for both parties to read. Never changed."""

    __tablename__: ClassVar[str] = "ledger_movement"
    __table_args__ = (
        CheckConstraint(f"kind IN ({_one_of(MovementKind)})", name="kind"),
        CheckConstraint(
            "kind <> 'released' OR minor = vat_minor + fee_minor + net_minor", name="adds_up"
        ),
        ForeignKeyConstraint(
            ["organisation_id", "escrow_id"], ["ledger_escrow.organisation_id", "ledger_escrow.id"]
        ),
        UniqueConstraint("escrow_id", "kind", "fact_id"),
        Index("ix_ledger_movement_escrow_id_id", "escrow_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    payee_id: UUID
    escrow_id: UUID
    kind: str
    minor: int = _minor()
    vat_minor: int = _counted()
    fee_minor: int = _counted()
    fee_vat_minor: int = _counted()
    net_minor: int = _counted()
    because: str
    trace: list[str] = Field(sa_column=Column(JSONB, nullable=False))
    fact_id: UUID
    transaction_id: UUID | None = Field(default=None, foreign_key="ledger_transaction.id")
    at: datetime = instant()


class PaymentRow(SQLModel, table=True):
    """Money asked of a provider, or to be paid out by it."""

    __tablename__: ClassVar[str] = "ledger_payment"
    __table_args__ = (
        CheckConstraint(f"kind IN ({_one_of(PaymentKind)})", name="kind"),
        CheckConstraint(f"state IN ({_one_of(PaymentState)})", name="state"),
        CheckConstraint(CURRENCY_SQL, name="currency"),
        CheckConstraint("amount_minor > 0", name="amount"),
        CheckConstraint("(kind = 'funding') = (escrow_id IS NOT NULL)", name="funds_an_escrow"),
        CheckConstraint("(kind = 'payout') = (source IS NOT NULL)", name="paid_out_of_account"),
        CheckConstraint(
            "(state IN ('failed', 'succeeded')) = (next_at IS NULL)", name="over_or_awaited"
        ),
        CheckConstraint(
            "state NOT IN ('failed', 'succeeded') OR explanation IS NOT NULL", name="explained"
        ),
        ForeignKeyConstraint(
            ["organisation_id", "escrow_id"], ["ledger_escrow.organisation_id", "ledger_escrow.id"]
        ),
        UniqueConstraint("organisation_id", "id"),
        Index(
            "uq_ledger_payment_under_way",
            "escrow_id",
            unique=True,
            postgresql_where=text("state IN ('requested', 'sent')"),
        ),
        Index(
            "ix_ledger_payment_due",
            "next_at",
            postgresql_where=text("state IN ('requested', 'sent')"),
        ),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    kind: str
    escrow_id: UUID | None = None
    source: str | None = None
    amount_minor: int = _minor()
    currency: str
    method: str
    state: str
    attempts: int
    next_at: datetime | None = instant(nullable=True)
    explanation: str | None = None
    created_at: datetime = instant()
    updated_at: datetime = instant()


class NoticeRow(SQLModel, table=True):
    """An answer of the provider that was taken, so that a repeat of it changes nothing."""

    __tablename__: ClassVar[str] = "ledger_notice"
    __table_args__ = (
        ForeignKeyConstraint(
            ["organisation_id", "payment_id"],
            ["ledger_payment.organisation_id", "ledger_payment.id"],
        ),
    )

    payment_id: UUID = Field(primary_key=True)
    notice_id: str = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    verdict: str
    because: str
    consequence: str
    at: datetime = instant()


class ShareRuleRow(SQLModel, table=True):
    """Who shares what ``organisation_id`` is paid: ``[{organisation_id, stake}]``. Kept."""

    __tablename__: ClassVar[str] = "ledger_share_rule"
    __table_args__ = (UniqueConstraint("organisation_id", "id"),)

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    name: str
    members: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    created_at: datetime = instant()
