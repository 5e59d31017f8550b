"""Invoice records of orders; evidence of financing may be of them."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

from services.runtime.database_roles import APP
from services.runtime.row_security import OWN, own, protect

revision = "0087_invoices"
down_revision = "0086_purchasing_guards"
branch_labels = None
depends_on = None

TEXT = sqlmodel.sql.sqltypes.AutoString
OWN_SUPPLIER = own("supplier_id")
EVIDENCE = "('disputes', {invoiced}'on_time', 'open_escrow', 'settled_value')"
STAYS_AND_FITS = """
CREATE FUNCTION deal_invoice_stays_and_fits() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  paid bigint;
  invoiced bigint;
BEGIN
  IF TG_OP = 'UPDATE' AND (OLD.state <> 'recorded' OR (to_jsonb(NEW) - '{{state,reason,decided_at}}'::text[])
       <> (to_jsonb(OLD) - '{{state,reason,decided_at}}'::text[])) THEN
    RAISE EXCEPTION 'an invoice is decided once and never edited' USING ERRCODE = 'check_violation';
  END IF;
  IF TG_OP = 'UPDATE' AND current_user = '{app}' AND NEW.organisation_id IS DISTINCT FROM
       nullif(current_setting('app.org', true), '')::uuid THEN
    RAISE EXCEPTION 'the buyer decides about an invoice' USING ERRCODE = 'check_violation';
  END IF;
  -- Whoever records for the order waits here, and then sees what was recorded.
  SELECT released_minor INTO paid FROM deal_order WHERE id = NEW.order_id FOR UPDATE;
  SELECT coalesce(sum(CASE WHEN credits IS NULL THEN total_minor ELSE -total_minor END), 0)
    INTO invoiced FROM deal_invoice
   WHERE order_id = NEW.order_id AND id <> NEW.id AND (state = 'confirmed'
      OR (state = 'recorded' AND credits IS NULL));
  IF NEW.credits IS NULL AND NEW.state <> 'rejected' AND invoiced + NEW.total_minor > paid THEN
    RAISE EXCEPTION 'order %: % invoiced of % paid', NEW.order_id, invoiced + NEW.total_minor, paid
      USING ERRCODE = 'check_violation', CONSTRAINT = 'deal_invoice_fits';
  END IF;
  RETURN NEW;
END $$
"""


def upgrade() -> None:
    # A table somebody holds must fail the migration, not stop the platform behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table("deal_invoice", *_columns(), *_constraints(), *_keys())
    for of in ("order_id", "organisation_id", "supplier_id"):
        op.create_index(f"ix_deal_invoice_{of}_id", "deal_invoice", [of, "id"], unique=False)
    for statement in _protection():
        op.execute(statement)
    _evidence("'invoiced_value', ")


def downgrade() -> None:
    _evidence("")
    op.drop_table("deal_invoice")
    op.execute("DROP FUNCTION deal_invoice_stays_and_fits()")


def _evidence(invoiced: str) -> None:
    op.drop_constraint(op.f("ck_financing_evidence_item"), "financing_evidence")
    op.create_check_constraint(
        op.f("ck_financing_evidence_item"),
        "financing_evidence",
        f"item IN {EVIDENCE.format(invoiced=invoiced)}",
    )


def _columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("supplier_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("number", TEXT(), nullable=False),
        sa.Column("kind", TEXT(), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("currency", TEXT(), nullable=False),
        sa.Column("lines", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("net_minor", sa.BigInteger(), nullable=False),
        sa.Column("vat_minor", sa.BigInteger(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("state", TEXT(), nullable=False),
        sa.Column("credits", sa.Uuid(), nullable=True),
        sa.Column("document_id", sa.Uuid(), nullable=True),
        sa.Column("reason", TEXT(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
    ]


def _constraints() -> list[sa.Constraint]:
    return [
        sa.CheckConstraint("kind IN ('ordinary', 'special')", name=op.f("ck_deal_invoice_kind")),
        sa.CheckConstraint(
            "state IN ('confirmed', 'recorded', 'rejected')", name=op.f("ck_deal_invoice_state")
        ),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_deal_invoice_currency")),
        sa.CheckConstraint(
            "net_minor > 0 AND vat_minor >= 0 AND total_minor = net_minor + vat_minor",
            name=op.f("ck_deal_invoice_adds_up"),
        ),
        sa.CheckConstraint(
            "(state = 'recorded') = (decided_at IS NULL)",
            name=op.f("ck_deal_invoice_decided_at"),
        ),
        sa.CheckConstraint(
            "state <> 'rejected' OR reason IS NOT NULL",
            name=op.f("ck_deal_invoice_rejected_for_a_reason"),
        ),
    ]


def _keys() -> list[sa.Constraint]:
    return [
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_deal_invoice_organisation_id_organisation"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "supplier_id", "order_id"],
            ["deal_order.organisation_id", "deal_order.supplier_id", "deal_order.id"],
            name="fk_deal_invoice_of_order",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "supplier_id", "credits"],
            ["deal_invoice.organisation_id", "deal_invoice.supplier_id", "deal_invoice.id"],
            name="fk_deal_invoice_credits",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deal_invoice")),
        sa.UniqueConstraint(
            "organisation_id",
            "supplier_id",
            "id",
            name=op.f("uq_deal_invoice_organisation_id_supplier_id_id"),
        ),
        sa.UniqueConstraint(
            "supplier_id", "number", name=op.f("uq_deal_invoice_supplier_id_number")
        ),
    ]


def _protection() -> Iterator[str]:
    """For the two parties: the supplier records, the buyer says whether it is right."""
    yield from protect(
        "deal_invoice",
        read=f"{OWN} OR {OWN_SUPPLIER}",
        write=OWN,
        insert=f"{OWN_SUPPLIER} AND state = 'recorded'",
        privileges="SELECT, INSERT, UPDATE (state, reason, decided_at)",
    )
    yield STAYS_AND_FITS.format(app=APP)
    yield "REVOKE EXECUTE ON FUNCTION deal_invoice_stays_and_fits() FROM PUBLIC"
    yield (
        "CREATE TRIGGER deal_invoice_stays_and_fits BEFORE INSERT OR UPDATE ON deal_invoice"
        " FOR EACH ROW EXECUTE FUNCTION deal_invoice_stays_and_fits()"
    )
