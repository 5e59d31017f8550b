"""The ledger: accounts, transactions, entries, escrows, payments; triggers that keep them true."""

from collections.abc import Iterator

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

from services.runtime.database_roles import OWNER, WORKER
from services.runtime.row_security import OWN, SHOWN, own, protect

revision = "0030_ledger"
down_revision = "0022_reliability"
branch_labels = None
depends_on = None

TEXT = sqlmodel.sql.sqltypes.AutoString
PARTY = f"({OWN} OR {own('payee_id')})"
WRITTEN_ONCE = ("ledger_transaction", "ledger_entry", "ledger_movement", "ledger_share_rule")


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
    for statement in (*_guards(), *_protection()):
        op.execute(statement)


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


def _guards() -> Iterator[str]:
    """Functions work as the owner of the tables: they look at entries of everybody.

    No caller sees what they read: they answer by letting pass or refusing.
    """
    yield """
        CREATE FUNCTION ledger_keep_balances() RETURNS trigger LANGUAGE plpgsql
            SECURITY DEFINER SET search_path = pg_catalog AS $$
        DECLARE moved record;
        BEGIN
          -- In order of id, so that two transactions never wait for each other in a circle.
          FOR moved IN
            SELECT account_id, sum(amount_minor) AS minor FROM added
             GROUP BY account_id ORDER BY account_id
          LOOP
            UPDATE public.ledger_account SET balance_minor = balance_minor + moved.minor
             WHERE id = moved.account_id AND balance_minor IS NOT NULL;
          END LOOP;
          RETURN NULL;
        END $$
    """
    yield """
        CREATE FUNCTION ledger_is_balanced() RETURNS trigger LANGUAGE plpgsql
            SECURITY DEFINER SET search_path = pg_catalog AS $$
        DECLARE concerned uuid := CASE TG_TABLE_NAME
          WHEN 'ledger_entry' THEN (to_jsonb(NEW) ->> 'transaction_id')::uuid ELSE NEW.id END;
        BEGIN
          IF (SELECT count(*) FROM public.ledger_entry WHERE transaction_id = concerned) < 2
             OR EXISTS (SELECT FROM public.ledger_entry WHERE transaction_id = concerned
                         GROUP BY currency HAVING sum(amount_minor) <> 0) THEN
            RAISE EXCEPTION 'ledger transaction %: its entries do not add up to zero', concerned
              USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_is_balanced';
          END IF;
          RETURN NULL;
        END $$
    """
    yield """
        CREATE FUNCTION ledger_escrow_agrees() RETURNS trigger LANGUAGE plpgsql
            SECURITY DEFINER SET search_path = pg_catalog AS $$
        DECLARE concerned uuid := CASE TG_TABLE_NAME
          WHEN 'ledger_account' THEN (to_jsonb(NEW) ->> 'of')::uuid ELSE NEW.id END;
        BEGIN
          IF (SELECT funded_minor - released_minor - refunded_minor FROM public.ledger_escrow
               WHERE id = concerned)
             IS DISTINCT FROM
             coalesce((SELECT balance_minor FROM public.ledger_account
                        WHERE kind = 'escrow' AND "of" = concerned), 0) THEN
            RAISE EXCEPTION 'escrow %: its account holds something else than it says', concerned
              USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_escrow_agrees';
          END IF;
          RETURN NULL;
        END $$
    """
    yield """
        CREATE FUNCTION ledger_is_written_once() RETURNS trigger LANGUAGE plpgsql
            SET search_path = pg_catalog AS $$
        BEGIN
          RAISE EXCEPTION '%: what is written stays; post a reversal', TG_TABLE_NAME
            USING ERRCODE = 'integrity_constraint_violation';
        END $$
    """
    yield (
        "CREATE TRIGGER ledger_keep_balances AFTER INSERT ON ledger_entry"
        " REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION ledger_keep_balances()"
    )
    for table in ("ledger_transaction", "ledger_entry"):
        yield (
            f"CREATE CONSTRAINT TRIGGER ledger_is_balanced AFTER INSERT ON {table}"
            " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_is_balanced()"
        )
    yield (
        "CREATE CONSTRAINT TRIGGER ledger_escrow_agrees AFTER INSERT OR UPDATE ON ledger_escrow"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_escrow_agrees()"
    )
    yield (
        "CREATE CONSTRAINT TRIGGER ledger_escrow_agrees AFTER UPDATE ON ledger_account"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.kind = 'escrow')"
        " EXECUTE FUNCTION ledger_escrow_agrees()"
    )
    for table in WRITTEN_ONCE:
        yield (
            f"CREATE TRIGGER ledger_is_written_once BEFORE UPDATE OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION ledger_is_written_once()"
        )
    for function in (
        "ledger_keep_balances",
        "ledger_is_balanced",
        "ledger_escrow_agrees",
        "ledger_is_written_once",
    ):
        yield f"REVOKE EXECUTE ON FUNCTION {function}() FROM PUBLIC"


def _protection() -> Iterator[str]:
    """Requests read what is theirs, and post what they bring about, also to others' accounts.

    A request that pays another is not shown that account: its id follows from whose it is.
    """
    adding = "SELECT, INSERT"
    yield from protect("ledger_account", read=OWN, insert=own("opened_by"), privileges=adding)
    mine = "EXISTS (SELECT FROM ledger_entry WHERE ledger_entry.transaction_id = ledger_transaction.id)"
    yield from protect(
        "ledger_transaction", read=f"({OWN} OR {mine})", insert=OWN, privileges=adding
    )
    yield from protect("ledger_entry", read=OWN, insert=own("initiator_id"), privileges=adding)
    yield from protect(
        "ledger_escrow",
        read=PARTY,
        write=PARTY,
        privileges="SELECT, INSERT, UPDATE (state, funded_minor, released_minor, refunded_minor,"
        " frozen_because, updated_at)",
    )
    yield from protect("ledger_movement", read=PARTY, insert=PARTY, privileges=adding)
    yield from protect("ledger_payment", read=OWN, insert=OWN, privileges=adding)
    yield from protect("ledger_notice", read=OWN, privileges="SELECT")
    yield from protect(
        "ledger_share_rule", read=f"({OWN} OR {SHOWN})", insert=OWN, privileges=adding
    )
    for table in ("ledger_account", *WRITTEN_ONCE):
        yield f"REVOKE UPDATE, DELETE ON {table} FROM {WORKER}"
    yield f"CREATE POLICY ledger_account_kept ON ledger_account TO {OWNER} USING (true)"
    yield f"CREATE POLICY ledger_entry_summed ON ledger_entry FOR SELECT TO {OWNER} USING (true)"
    yield f"CREATE POLICY ledger_escrow_compared ON ledger_escrow FOR SELECT TO {OWNER} USING (true)"
