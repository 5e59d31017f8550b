"""The ledger: accounts, transactions, entries, escrows, payments."""

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0030_ledger"
down_revision = "0026_waitlist"
branch_labels = None
depends_on = None

TEXT = sqlmodel.sql.sqltypes.AutoString


def upgrade() -> None:
    # A table somebody holds must fail the migration, not stop the platform behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    _account()
    _share_rule()
    _transaction()
    _entry()
    _escrow()
    _movement()
    _payment()
    _notice()


def downgrade() -> None:
    raise NotImplementedError("money would be forgotten; restore a backup instead")


def _account() -> None:
    op.create_table(
        "ledger_account",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("kind", TEXT(), nullable=False),
        sa.Column("currency", TEXT(), nullable=False),
        sa.Column("of", sa.Uuid(), nullable=True),
        sa.Column("code", TEXT(), nullable=True),
        sa.Column("name", TEXT(), nullable=True),
        sa.Column("balance_minor", sa.BigInteger(), nullable=True),
        sa.Column("opened_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(code IS NOT NULL) = (kind IN ('cost_centre', 'team'))",
            name=op.f("ck_ledger_account_internal_has_code"),
        ),
        sa.CheckConstraint(
            "balance_minor <= 0 OR kind <> 'payable'",
            name=op.f("ck_ledger_account_owed_not_positive"),
        ),
        sa.CheckConstraint(
            "balance_minor >= 0 OR kind NOT IN ('escrow', 'tax', 'wallet')",
            name=op.f("ck_ledger_account_not_negative"),
        ),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_ledger_account_currency")),
        sa.CheckConstraint(
            "kind IN ('cost_centre', 'escrow', 'fee', 'payable', 'payout_transit', 'provider_clearing', 'receivable', 'tax', 'team', 'wallet')",
            name=op.f("ck_ledger_account_kind"),
        ),
        sa.CheckConstraint(
            "organisation_id IS NULL OR kind NOT IN ('fee', 'payout_transit', 'provider_clearing')",
            name=op.f("ck_ledger_account_of_the_platform"),
        ),
        sa.CheckConstraint(
            "(organisation_id IS NULL) = (balance_minor IS NULL)",
            name=op.f("ck_ledger_account_kept_or_summed"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_ledger_account_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_account")),
        sa.UniqueConstraint("id", "currency", name=op.f("uq_ledger_account_id_currency")),
        sa.UniqueConstraint(
            "organisation_id", "id", name=op.f("uq_ledger_account_organisation_id_id")
        ),
    )
    op.create_index(
        "uq_ledger_account_code",
        "ledger_account",
        ["organisation_id", "kind", "currency", "code"],
        unique=True,
        postgresql_where=sa.text("code IS NOT NULL"),
    )
    op.create_index(
        "uq_ledger_account_of_escrow",
        "ledger_account",
        ["of"],
        unique=True,
        postgresql_where=sa.text("kind = 'escrow'"),
    )


def _share_rule() -> None:
    op.create_table(
        "ledger_share_rule",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("name", TEXT(), nullable=False),
        sa.Column("members", postgresql.JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_ledger_share_rule_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_share_rule")),
        sa.UniqueConstraint(
            "organisation_id", "id", name=op.f("uq_ledger_share_rule_organisation_id_id")
        ),
    )


def _transaction() -> None:
    op.create_table(
        "ledger_transaction",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("kind", TEXT(), nullable=False),
        sa.Column("because", TEXT(), nullable=False),
        sa.Column("subject_kind", TEXT(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("fact_id", sa.Uuid(), nullable=False),
        sa.Column("reverses", sa.Uuid(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(kind = 'reversal') = (reverses IS NOT NULL)",
            name=op.f("ck_ledger_transaction_reversal"),
        ),
        sa.CheckConstraint(
            "kind IN ('charge', 'funding', 'internal', 'late_funding', 'payout', 'payout_settled', 'refund', 'release', 'reversal', 'settlement')",
            name=op.f("ck_ledger_transaction_kind"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_ledger_transaction_organisation_id_organisation"),
        ),
        sa.ForeignKeyConstraint(
            ["reverses"],
            ["ledger_transaction.id"],
            name=op.f("fk_ledger_transaction_reverses_ledger_transaction"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_transaction")),
        sa.UniqueConstraint("kind", "fact_id", name=op.f("uq_ledger_transaction_kind_fact_id")),
        sa.UniqueConstraint(
            "organisation_id", "id", name=op.f("uq_ledger_transaction_organisation_id_id")
        ),
        sa.UniqueConstraint("reverses", name=op.f("uq_ledger_transaction_reverses")),
    )
    op.create_index(
        "ix_ledger_transaction_subject",
        "ledger_transaction",
        ["subject_kind", "subject_id"],
        unique=False,
    )


def _entry() -> None:
    op.create_table(
        "ledger_entry",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("transaction_id", sa.Uuid(), nullable=False),
        sa.Column("initiator_id", sa.Uuid(), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", TEXT(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount_minor <> 0", name=op.f("ck_ledger_entry_amount")),
        sa.ForeignKeyConstraint(
            ["account_id", "currency"],
            ["ledger_account.id", "ledger_account.currency"],
            name=op.f("fk_ledger_entry_account_id_currency_ledger_account"),
        ),
        sa.ForeignKeyConstraint(
            ["initiator_id", "transaction_id"],
            ["ledger_transaction.organisation_id", "ledger_transaction.id"],
            name=op.f("fk_ledger_entry_initiator_id_transaction_id_ledger_transaction"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "account_id"],
            ["ledger_account.organisation_id", "ledger_account.id"],
            name=op.f("fk_ledger_entry_organisation_id_account_id_ledger_account"),
        ),
        sa.ForeignKeyConstraint(
            ["transaction_id"],
            ["ledger_transaction.id"],
            name=op.f("fk_ledger_entry_transaction_id_ledger_transaction"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_entry")),
        sa.UniqueConstraint(
            "transaction_id", "account_id", name=op.f("uq_ledger_entry_transaction_id_account_id")
        ),
    )
    op.create_index(
        "ix_ledger_entry_account_id_id", "ledger_entry", ["account_id", "id"], unique=False
    )


def _escrow() -> None:
    op.create_table(
        "ledger_escrow",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("payee_id", sa.Uuid(), nullable=False),
        sa.Column("subject_kind", TEXT(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", TEXT(), nullable=False),
        sa.Column("vat_rate", sa.Integer(), nullable=False),
        sa.Column("commission_rule", TEXT(), nullable=False),
        sa.Column("commission_version", sa.Integer(), nullable=False),
        sa.Column("share_rule_id", sa.Uuid(), nullable=True),
        sa.Column("state", TEXT(), nullable=False),
        sa.Column("funded_minor", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("released_minor", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("refunded_minor", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("frozen_because", TEXT(), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(state = 'funded') = (funded_minor > released_minor + refunded_minor) AND (state = 'settled') = (funded_minor > 0 AND funded_minor = released_minor + refunded_minor)",
            name=op.f("ck_ledger_escrow_state_by_amounts"),
        ),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_ledger_escrow_currency")),
        sa.CheckConstraint(
            "state IN ('cancelled', 'funded', 'open', 'settled')",
            name=op.f("ck_ledger_escrow_state"),
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_ledger_escrow_amount")),
        sa.CheckConstraint(
            "funded_minor IN (0, amount_minor) AND released_minor >= 0 AND refunded_minor >= 0 AND released_minor + refunded_minor <= funded_minor",
            name=op.f("ck_ledger_escrow_within_amount"),
        ),
        sa.CheckConstraint("vat_rate BETWEEN 0 AND 10000", name=op.f("ck_ledger_escrow_vat_rate")),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_ledger_escrow_organisation_id_organisation"),
        ),
        sa.ForeignKeyConstraint(
            ["payee_id"], ["organisation.id"], name=op.f("fk_ledger_escrow_payee_id_organisation")
        ),
        sa.ForeignKeyConstraint(
            ["share_rule_id"],
            ["ledger_share_rule.id"],
            name=op.f("fk_ledger_escrow_share_rule_id_ledger_share_rule"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_escrow")),
        sa.UniqueConstraint(
            "organisation_id", "id", name=op.f("uq_ledger_escrow_organisation_id_id")
        ),
        sa.UniqueConstraint(
            "subject_kind", "subject_id", name=op.f("uq_ledger_escrow_subject_kind_subject_id")
        ),
    )
    op.create_index(
        "ix_ledger_escrow_payee_id_id", "ledger_escrow", ["payee_id", "id"], unique=False
    )


def _movement() -> None:
    op.create_table(
        "ledger_movement",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("payee_id", sa.Uuid(), nullable=False),
        sa.Column("escrow_id", sa.Uuid(), nullable=False),
        sa.Column("kind", TEXT(), nullable=False),
        sa.Column("minor", sa.BigInteger(), nullable=False),
        sa.Column("vat_minor", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("fee_minor", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("fee_vat_minor", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("net_minor", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("because", TEXT(), nullable=False),
        sa.Column("trace", postgresql.JSONB(), nullable=False),
        sa.Column("fact_id", sa.Uuid(), nullable=False),
        sa.Column("transaction_id", sa.Uuid(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind <> 'released' OR minor = vat_minor + fee_minor + net_minor",
            name=op.f("ck_ledger_movement_adds_up"),
        ),
        sa.CheckConstraint(
            "kind IN ('cancelled', 'frozen', 'funded', 'opened', 'refunded', 'released', 'unfrozen')",
            name=op.f("ck_ledger_movement_kind"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "escrow_id"],
            ["ledger_escrow.organisation_id", "ledger_escrow.id"],
            name=op.f("fk_ledger_movement_organisation_id_escrow_id_ledger_escrow"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_ledger_movement_organisation_id_organisation"),
        ),
        sa.ForeignKeyConstraint(
            ["transaction_id"],
            ["ledger_transaction.id"],
            name=op.f("fk_ledger_movement_transaction_id_ledger_transaction"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_movement")),
        sa.UniqueConstraint(
            "escrow_id", "kind", "fact_id", name=op.f("uq_ledger_movement_escrow_id_kind_fact_id")
        ),
    )
    op.create_index(
        "ix_ledger_movement_escrow_id_id", "ledger_movement", ["escrow_id", "id"], unique=False
    )


def _payment() -> None:
    op.create_table(
        "ledger_payment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("kind", TEXT(), nullable=False),
        sa.Column("escrow_id", sa.Uuid(), nullable=True),
        sa.Column("source", TEXT(), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", TEXT(), nullable=False),
        sa.Column("method", TEXT(), nullable=False),
        sa.Column("state", TEXT(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("explanation", TEXT(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(kind = 'funding') = (escrow_id IS NOT NULL)",
            name=op.f("ck_ledger_payment_funds_an_escrow"),
        ),
        sa.CheckConstraint(
            "(kind = 'payout') = (source IS NOT NULL)",
            name=op.f("ck_ledger_payment_paid_out_of_account"),
        ),
        sa.CheckConstraint(
            "(state IN ('failed', 'succeeded')) = (next_at IS NULL)",
            name=op.f("ck_ledger_payment_over_or_awaited"),
        ),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_ledger_payment_currency")),
        sa.CheckConstraint("kind IN ('funding', 'payout')", name=op.f("ck_ledger_payment_kind")),
        sa.CheckConstraint(
            "state IN ('failed', 'requested', 'sent', 'succeeded')",
            name=op.f("ck_ledger_payment_state"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('failed', 'succeeded') OR explanation IS NOT NULL",
            name=op.f("ck_ledger_payment_explained"),
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_ledger_payment_amount")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "escrow_id"],
            ["ledger_escrow.organisation_id", "ledger_escrow.id"],
            name=op.f("fk_ledger_payment_organisation_id_escrow_id_ledger_escrow"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_ledger_payment_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_payment")),
        sa.UniqueConstraint(
            "organisation_id", "id", name=op.f("uq_ledger_payment_organisation_id_id")
        ),
    )
    op.create_index(
        "ix_ledger_payment_due",
        "ledger_payment",
        ["next_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('requested', 'sent')"),
    )
    op.create_index(
        "uq_ledger_payment_under_way",
        "ledger_payment",
        ["escrow_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('requested', 'sent')"),
    )


def _notice() -> None:
    op.create_table(
        "ledger_notice",
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("notice_id", TEXT(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("verdict", TEXT(), nullable=False),
        sa.Column("because", TEXT(), nullable=False),
        sa.Column("consequence", TEXT(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id", "payment_id"],
            ["ledger_payment.organisation_id", "ledger_payment.id"],
            name=op.f("fk_ledger_notice_organisation_id_payment_id_ledger_payment"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_ledger_notice_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("payment_id", "notice_id", name=op.f("pk_ledger_notice")),
    )
