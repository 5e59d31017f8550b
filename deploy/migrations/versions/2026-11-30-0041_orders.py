"""Orders: lines, milestones, deliveries, inspections, disputes."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

from services.runtime.database_roles import APP
from services.runtime.deal_rule import ARBITERS, EVIDENCE, in_dispute
from services.runtime.row_security import OWN, own, platform, protect

revision = "0041_orders"
down_revision = "0040_deals"
branch_labels = None
depends_on = None

TABLES = (
    "deal_order",
    "deal_order_line",
    "deal_milestone",
    "deal_delivery",
    "deal_inspection",
    "deal_dispute",
    "deal_proposal",
)
TEXT = sqlmodel.sql.sqltypes.AutoString
OWN_SUPPLIER = own("supplier_id")
PARTIES = f"{OWN} OR {OWN_SUPPLIER}"


def upgrade() -> None:
    # A table somebody holds must fail the migration, not stop the platform behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    _order()
    _order_line()
    _milestone()
    _delivery()
    _inspection()
    _dispute()
    _proposal()
    for statement in _protection():
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP POLICY document_evidence_read ON document")
    for table in reversed(TABLES):
        op.drop_table(table)


def _order() -> None:
    op.create_table("deal_order", *_order_columns(), *_order_constraints())
    op.create_index(
        "ix_deal_order_booking_ids",
        "deal_order",
        ["booking_ids"],
        unique=False,
        postgresql_using="gin",
    )
    op.create_index("ix_deal_order_escrow_id", "deal_order", ["escrow_id"], unique=False)
    op.create_index(
        "ix_deal_order_organisation_id_id", "deal_order", ["organisation_id", "id"], unique=False
    )
    op.create_index(
        "ix_deal_order_supplier_id_id", "deal_order", ["supplier_id", "id"], unique=False
    )


def _order_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("supplier_id", sa.Uuid(), nullable=False),
        sa.Column("deal_id", sa.Uuid(), nullable=False),
        sa.Column("bid_id", sa.Uuid(), nullable=False),
        sa.Column("quote_id", sa.Uuid(), nullable=False),
        sa.Column("state", TEXT(), nullable=False),
        sa.Column("currency", TEXT(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("joint_id", sa.Uuid(), nullable=True),
        sa.Column("booking_ids", sa.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("at_risk", sa.Boolean(), nullable=False),
        sa.Column("needed_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("escrow_id", sa.Uuid(), nullable=True),
        sa.Column("funded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("released_minor", sa.BigInteger(), nullable=False),
        sa.Column("refunded_minor", sa.BigInteger(), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    ]


def _order_constraints() -> list[sa.Constraint]:
    return [
        sa.CheckConstraint(
            "state <> 'settled' OR released_minor + refunded_minor = total_minor",
            name=op.f("ck_deal_order_settled_whole"),
        ),
        sa.CheckConstraint(
            "state IN ('accepted', 'awarded', 'disputed', 'in_production', 'inspected', 'settled', 'withdrawn')",
            name=op.f("ck_deal_order_state"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('in_production', 'inspected', 'accepted', 'disputed', 'settled') OR funded_at IS NOT NULL",
            name=op.f("ck_deal_order_made_once_funded"),
        ),
        sa.CheckConstraint(
            "released_minor + refunded_minor = 0 OR funded_at IS NOT NULL",
            name=op.f("ck_deal_order_pays_once_funded"),
        ),
        sa.CheckConstraint(
            "released_minor >= 0 AND refunded_minor >= 0 AND released_minor + refunded_minor <= total_minor",
            name=op.f("ck_deal_order_pays_at_most_the_total"),
        ),
        sa.CheckConstraint("total_minor > 0", name=op.f("ck_deal_order_costs_something")),
        sa.CheckConstraint("version >= 1", name=op.f("ck_deal_order_version")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "deal_id"],
            ["deal.organisation_id", "deal.id"],
            name=op.f("fk_deal_order_organisation_id_deal_id_deal"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "joint_id"],
            ["joint.organisation_id", "joint.id"],
            name=op.f("fk_deal_order_organisation_id_joint_id_joint"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "supplier_id", "bid_id"],
            ["deal_bid.organisation_id", "deal_bid.supplier_id", "deal_bid.id"],
            name=op.f("fk_deal_order_organisation_id_supplier_id_bid_id_deal_bid"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "supplier_id", "quote_id"],
            ["deal_quote.organisation_id", "deal_quote.supplier_id", "deal_quote.id"],
            name=op.f("fk_deal_order_organisation_id_supplier_id_quote_id_deal_quote"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_deal_order_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deal_order")),
        sa.UniqueConstraint("deal_id", name=op.f("uq_deal_order_deal_id")),
        sa.UniqueConstraint(
            "organisation_id",
            "supplier_id",
            "id",
            name=op.f("uq_deal_order_organisation_id_supplier_id_id"),
        ),
        sa.UniqueConstraint("quote_id", name=op.f("uq_deal_order_quote_id")),
    ]


def _order_line() -> None:
    op.create_table("deal_order_line", *_order_line_columns(), *_order_line_constraints())


def _order_line_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("supplier_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("description", TEXT(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("unit", TEXT(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("delivered", sa.BigInteger(), nullable=False),
        sa.Column("accepted", sa.BigInteger(), nullable=False),
    ]


def _order_line_constraints() -> list[sa.Constraint]:
    return [
        sa.CheckConstraint(
            "amount_minor >= 0", name=op.f("ck_deal_order_line_amount_not_negative")
        ),
        sa.CheckConstraint(
            "quantity > 0 AND 0 <= accepted AND accepted <= delivered AND delivered <= quantity",
            name=op.f("ck_deal_order_line_delivered_of_quantity"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "supplier_id", "order_id"],
            ["deal_order.organisation_id", "deal_order.supplier_id", "deal_order.id"],
            name=op.f("fk_deal_order_line_organisation_id_supplier_id_order_id_deal_order"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_deal_order_line_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deal_order_line")),
        sa.UniqueConstraint("order_id", "number", name=op.f("uq_deal_order_line_order_id_number")),
    ]


def _milestone() -> None:
    op.create_table("deal_milestone", *_milestone_columns(), *_milestone_constraints())


def _milestone_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("supplier_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("title", TEXT(), nullable=False),
        sa.Column("share", sa.Integer(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
    ]


def _milestone_constraints() -> list[sa.Constraint]:
    return [
        sa.CheckConstraint("amount_minor >= 0", name=op.f("ck_deal_milestone_amount_not_negative")),
        sa.CheckConstraint("share BETWEEN 1 AND 10000", name=op.f("ck_deal_milestone_share")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "supplier_id", "order_id"],
            ["deal_order.organisation_id", "deal_order.supplier_id", "deal_order.id"],
            name=op.f("fk_deal_milestone_organisation_id_supplier_id_order_id_deal_order"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_deal_milestone_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deal_milestone")),
        sa.UniqueConstraint("order_id", "number", name=op.f("uq_deal_milestone_order_id_number")),
    ]


def _delivery() -> None:
    op.create_table("deal_delivery", *_delivery_columns(), *_delivery_constraints())
    op.create_index(
        "ix_deal_delivery_order_id_id", "deal_delivery", ["order_id", "id"], unique=False
    )


def _delivery_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("supplier_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("note", TEXT(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    ]


def _delivery_constraints() -> list[sa.Constraint]:
    return [
        sa.CheckConstraint("quantity > 0", name=op.f("ck_deal_delivery_quantity")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "supplier_id", "order_id"],
            ["deal_order.organisation_id", "deal_order.supplier_id", "deal_order.id"],
            name=op.f("fk_deal_delivery_organisation_id_supplier_id_order_id_deal_order"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_deal_delivery_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deal_delivery")),
    ]


def _inspection() -> None:
    op.create_table("deal_inspection", *_inspection_columns(), *_inspection_constraints())
    op.create_index(
        "ix_deal_inspection_order_id_id", "deal_inspection", ["order_id", "id"], unique=False
    )


def _inspection_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("supplier_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("lot", sa.BigInteger(), nullable=False),
        sa.Column("report", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("inspected_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    ]


def _inspection_constraints() -> list[sa.Constraint]:
    return [
        sa.CheckConstraint("lot > 0", name=op.f("ck_deal_inspection_lot")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "supplier_id", "order_id"],
            ["deal_order.organisation_id", "deal_order.supplier_id", "deal_order.id"],
            name=op.f("fk_deal_inspection_organisation_id_supplier_id_order_id_deal_order"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_deal_inspection_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deal_inspection")),
    ]


def _dispute() -> None:
    op.create_table("deal_dispute", *_dispute_columns(), *_dispute_constraints())
    op.create_index(
        "ix_deal_dispute_supplier_id_id", "deal_dispute", ["supplier_id", "id"], unique=False
    )
    op.create_index(
        "uq_deal_dispute_open",
        "deal_dispute",
        ["order_id"],
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
    )


def _dispute_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("supplier_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("opened_by", sa.Uuid(), nullable=False),
        sa.Column("category", TEXT(), nullable=False),
        sa.Column("reason", TEXT(), nullable=False),
        sa.Column("documents", sa.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("state", TEXT(), nullable=False),
        sa.Column("release_minor", sa.BigInteger(), nullable=True),
        sa.Column("refund_minor", sa.BigInteger(), nullable=True),
        sa.Column("because", TEXT(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
    ]


def _dispute_constraints() -> list[sa.Constraint]:
    return [
        sa.CheckConstraint(
            "(state = 'open') = (release_minor IS NULL) AND (state = 'open') = (refund_minor IS NULL) AND (state = 'open') = (ended_at IS NULL)",
            name=op.f("ck_deal_dispute_ends_with_a_split"),
        ),
        sa.CheckConstraint(
            "category IN ('delay', 'other', 'payment', 'quality', 'quantity')",
            name=op.f("ck_deal_dispute_category"),
        ),
        sa.CheckConstraint(
            "state IN ('agreed', 'decided', 'open')", name=op.f("ck_deal_dispute_state")
        ),
        sa.CheckConstraint(
            "opened_by IN (organisation_id, supplier_id)", name=op.f("ck_deal_dispute_of_a_party")
        ),
        sa.CheckConstraint(
            "release_minor >= 0 AND refund_minor >= 0",
            name=op.f("ck_deal_dispute_split_not_negative"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "supplier_id", "order_id"],
            ["deal_order.organisation_id", "deal_order.supplier_id", "deal_order.id"],
            name=op.f("fk_deal_dispute_organisation_id_supplier_id_order_id_deal_order"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_deal_dispute_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deal_dispute")),
        sa.UniqueConstraint(
            "organisation_id",
            "supplier_id",
            "id",
            name=op.f("uq_deal_dispute_organisation_id_supplier_id_id"),
        ),
    ]


def _proposal() -> None:
    op.create_table("deal_proposal", *_proposal_columns(), *_proposal_constraints())
    op.create_index(
        "uq_deal_proposal_open",
        "deal_proposal",
        ["order_id", "proposed_by"],
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
    )


def _proposal_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("supplier_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=False),
        sa.Column("release_minor", sa.BigInteger(), nullable=False),
        sa.Column("refund_minor", sa.BigInteger(), nullable=False),
        sa.Column("because", TEXT(), nullable=False),
        sa.Column("state", TEXT(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    ]


def _proposal_constraints() -> list[sa.Constraint]:
    return [
        sa.CheckConstraint(
            "state IN ('agreed', 'open', 'superseded')", name=op.f("ck_deal_proposal_state")
        ),
        sa.CheckConstraint(
            "proposed_by IN (organisation_id, supplier_id)",
            name=op.f("ck_deal_proposal_of_a_party"),
        ),
        sa.CheckConstraint(
            "release_minor >= 0 AND refund_minor >= 0",
            name=op.f("ck_deal_proposal_split_not_negative"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "supplier_id", "order_id"],
            ["deal_order.organisation_id", "deal_order.supplier_id", "deal_order.id"],
            name=op.f("fk_deal_proposal_organisation_id_supplier_id_order_id_deal_order"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_deal_proposal_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deal_proposal")),
    ]


def _protection() -> Iterator[str]:
    """What was ordered is for its two parties, and for arbiters once it was disputed."""
    arbiter = platform(*ARBITERS)
    yield from protect(
        "deal_order",
        read=f"{PARTIES} OR ({arbiter} AND {in_dispute('deal_order', 'id')})",
        write=PARTIES,
        insert=f"{OWN} AND state = 'awarded'",
        privileges="SELECT, INSERT, UPDATE (state, at_risk, escrow_id, funded_at, released_minor,"
        " refunded_minor, passed, version, updated_at)",
    )
    changes = {
        "deal_order_line": ("UPDATE (delivered, accepted)", OWN),
        "deal_milestone": ("UPDATE (released_at)", OWN),
        "deal_delivery": (None, OWN_SUPPLIER),
        "deal_inspection": (None, f"({PARTIES}) AND {own('inspected_by')}"),
        "deal_proposal": ("UPDATE (state)", f"({PARTIES}) AND {own('proposed_by')}"),
    }
    for table, (update, insert) in changes.items():
        disputed = f"({arbiter} AND {in_dispute(table, 'order_id')})"
        yield from protect(
            table,
            read=f"{PARTIES} OR {disputed}",
            write=PARTIES if update else None,
            insert=insert,
            privileges=", ".join(filter(None, ("SELECT, INSERT", update))),
        )
    yield from protect(
        "deal_dispute",
        read=f"{PARTIES} OR {arbiter}",
        write=f"{PARTIES} OR {arbiter}",
        insert=f"({PARTIES}) AND {own('opened_by')}",
        privileges="SELECT, INSERT, UPDATE (state, release_minor, refund_minor, because, ended_at)",
    )
    yield (
        "CREATE POLICY document_evidence_read ON document FOR SELECT TO"
        f" {APP} USING ({arbiter} AND {EVIDENCE})"
    )
    yield (
        "CREATE TRIGGER deal_order_follows_its_life BEFORE UPDATE OF state ON deal_order"
        " FOR EACH ROW EXECUTE FUNCTION deal_follows_its_life()"
    )
