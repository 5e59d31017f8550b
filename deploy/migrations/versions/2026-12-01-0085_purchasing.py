"""Pooled purchasing: lists, items, guests, parts, quotes, awards, shares."""

from typing import Any

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0085_purchasing"
down_revision = "0081_references"
branch_labels = None
depends_on = None

TEXT = sqlmodel.sql.sqltypes.AutoString
TABLES = (
    "purchase_list", "purchase_guest", "purchase_item", "purchase_part", "purchase_quote",
    "purchase_award", "purchase_share",
)  # fmt: skip


def upgrade() -> None:
    # A table somebody holds must fail the migration, not stop the platform behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    _list()
    _guest()
    _item()
    _part()
    _quote()
    _award()
    _share()


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)


def _list() -> None:
    op.create_table("purchase_list", *_list_columns(), *_list_constraints())
    op.create_index(
        "ix_purchase_list_awarded",
        "purchase_list",
        ["confirm_by"],
        unique=False,
        postgresql_where=sa.text("state = 'awarded'"),
    )


def _list_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("title", TEXT(), nullable=False),
        sa.Column("text", TEXT(), nullable=False),
        sa.Column("currency", TEXT(), nullable=False),
        sa.Column("closes_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("quotes_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("visibility", TEXT(), nullable=False),
        sa.Column("park", TEXT(), nullable=True),
        sa.Column("space_id", sa.Uuid(), nullable=True),
        sa.Column("state", TEXT(), nullable=False),
        sa.Column("confirm_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    ]


def _list_constraints() -> list[sa.Constraint]:
    return [
        sa.CheckConstraint(
            "(visibility = 'park') = (park IS NOT NULL) AND (visibility = 'space') = (space_id IS NOT NULL) AND visibility IN ('organisation', 'park', 'space', 'public')",
            name=op.f("ck_purchase_list_of_one_place"),
        ),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_purchase_list_currency")),
        sa.CheckConstraint(
            "state IN ('awarded', 'draft', 'failed', 'open', 'ordered', 'withdrawn')",
            name=op.f("ck_purchase_list_state"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('awarded', 'ordered') OR confirm_by IS NOT NULL",
            name=op.f("ck_purchase_list_confirmed_by"),
        ),
        sa.CheckConstraint(
            "quotes_until >= closes_at AND version >= 1", name=op.f("ck_purchase_list_in_order")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_purchase_list_organisation_id_organisation"),
        ),
        sa.ForeignKeyConstraint(["park"], ["park.code"], name=op.f("fk_purchase_list_park_park")),
        sa.ForeignKeyConstraint(
            ["space_id"], ["space.id"], name=op.f("fk_purchase_list_space_id_space")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_purchase_list")),
        sa.UniqueConstraint(
            "organisation_id", "id", name=op.f("uq_purchase_list_organisation_id_id")
        ),
    ]


def _guest() -> None:
    op.create_table("purchase_guest", *_guest_columns(), *_guest_constraints())
    op.create_index("ix_purchase_guest_guest_id", "purchase_guest", ["guest_id"], unique=False)


def _guest_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("list_id", sa.Uuid(), nullable=False),
        sa.Column("guest_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("role", TEXT(), nullable=False),
    ]


def _guest_constraints() -> list[sa.Constraint]:
    return [
        sa.CheckConstraint("role IN ('member', 'supplier')", name=op.f("ck_purchase_guest_role")),
        sa.CheckConstraint("guest_id <> organisation_id", name=op.f("ck_purchase_guest_of_two")),
        sa.ForeignKeyConstraint(
            ["guest_id"], ["organisation.id"], name=op.f("fk_purchase_guest_guest_id_organisation")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "list_id"],
            ["purchase_list.organisation_id", "purchase_list.id"],
            name=op.f("fk_purchase_guest_organisation_id_list_id_purchase_list"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_purchase_guest_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("list_id", "guest_id", name=op.f("pk_purchase_guest")),
    ]


def _item() -> None:
    op.create_table("purchase_item", *_item_columns(), *_item_constraints())


def _item_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("list_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("description", TEXT(), nullable=False),
        sa.Column("unit", TEXT(), nullable=False),
        sa.Column("spec", TEXT(), nullable=False),
        sa.Column("needed_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("pooled", sa.BigInteger(), nullable=False),
        sa.Column("confirmed", sa.BigInteger(), nullable=False),
    ]


def _item_constraints() -> list[sa.Constraint]:
    return [
        sa.CheckConstraint(
            "0 <= confirmed AND confirmed <= pooled", name=op.f("ck_purchase_item_summed")
        ),
        sa.CheckConstraint("number >= 1", name=op.f("ck_purchase_item_numbered")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "list_id"],
            ["purchase_list.organisation_id", "purchase_list.id"],
            name=op.f("fk_purchase_item_organisation_id_list_id_purchase_list"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_purchase_item_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("list_id", "number", name=op.f("pk_purchase_item")),
    ]


def _part() -> None:
    op.create_table("purchase_part", *_part_columns(), *_part_constraints())
    op.create_index(
        "ix_purchase_part_member_id_list_id",
        "purchase_part",
        ["member_id", "list_id"],
        unique=False,
    )


def _part_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("list_id", sa.Uuid(), nullable=False),
        sa.Column("state", TEXT(), nullable=False),
        sa.Column("quantities", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("at_most_minor", sa.BigInteger(), nullable=True),
        sa.Column("because", TEXT(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    ]


def _part_constraints() -> list[sa.Constraint]:
    return [
        sa.CheckConstraint(
            "state IN ('confirmed', 'declined', 'joined', 'left_out', 'ordered')",
            name=op.f("ck_purchase_part_state"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('confirmed', 'ordered') OR at_most_minor IS NOT NULL",
            name=op.f("ck_purchase_part_confirmed_to_a_limit"),
        ),
        sa.CheckConstraint("at_most_minor >= 0", name=op.f("ck_purchase_part_limit_not_negative")),
        sa.ForeignKeyConstraint(
            ["member_id"], ["organisation.id"], name=op.f("fk_purchase_part_member_id_organisation")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "list_id"],
            ["purchase_list.organisation_id", "purchase_list.id"],
            name=op.f("fk_purchase_part_organisation_id_list_id_purchase_list"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_purchase_part_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_purchase_part")),
        sa.UniqueConstraint(
            "list_id", "member_id", name=op.f("uq_purchase_part_list_id_member_id")
        ),
        sa.UniqueConstraint(
            "organisation_id",
            "member_id",
            "id",
            name=op.f("uq_purchase_part_organisation_id_member_id_id"),
        ),
    ]


def _quote() -> None:
    op.create_table("purchase_quote", *_quote_columns(), *_quote_constraints())
    op.create_index(
        "ix_purchase_quote_supplier_id_list_id",
        "purchase_quote",
        ["supplier_id", "list_id"],
        unique=False,
    )
    op.create_index(
        "uq_purchase_quote_live",
        "purchase_quote",
        ["list_id", "supplier_id"],
        unique=True,
        postgresql_where=sa.text("state = 'submitted'"),
    )


def _quote_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("supplier_id", sa.Uuid(), nullable=False),
        sa.Column("list_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", TEXT(), nullable=False),
        sa.Column("lines", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("lead_days", sa.Integer(), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("note", TEXT(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    ]


def _quote_constraints() -> list[sa.Constraint]:
    return [
        sa.CheckConstraint(
            "state IN ('awarded', 'lost', 'submitted', 'superseded', 'withdrawn')",
            name=op.f("ck_purchase_quote_state"),
        ),
        sa.CheckConstraint(
            "lead_days >= 0 AND version >= 1", name=op.f("ck_purchase_quote_counted")
        ),
        sa.CheckConstraint("supplier_id <> organisation_id", name=op.f("ck_purchase_quote_of_two")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "list_id"],
            ["purchase_list.organisation_id", "purchase_list.id"],
            name=op.f("fk_purchase_quote_organisation_id_list_id_purchase_list"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_purchase_quote_organisation_id_organisation"),
        ),
        sa.ForeignKeyConstraint(
            ["supplier_id"],
            ["organisation.id"],
            name=op.f("fk_purchase_quote_supplier_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_purchase_quote")),
        sa.UniqueConstraint(
            "list_id",
            "supplier_id",
            "version",
            name=op.f("uq_purchase_quote_list_id_supplier_id_version"),
        ),
        sa.UniqueConstraint(
            "organisation_id",
            "supplier_id",
            "id",
            name=op.f("uq_purchase_quote_organisation_id_supplier_id_id"),
        ),
    ]


def _award() -> None:
    op.create_table("purchase_award", *_award_columns(), *_award_constraints())
    op.create_index(
        "ix_purchase_award_supplier_id", "purchase_award", ["supplier_id"], unique=False
    )


def _award_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("list_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("quote_id", sa.Uuid(), nullable=False),
        sa.Column("supplier_id", sa.Uuid(), nullable=False),
        sa.Column("line", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("final_quantity", sa.BigInteger(), nullable=True),
        sa.Column("final_minor", sa.BigInteger(), nullable=True),
    ]


def _award_constraints() -> list[sa.Constraint]:
    return [
        sa.CheckConstraint(
            "(final_quantity IS NULL) = (final_minor IS NULL) AND final_quantity BETWEEN 0 AND quantity AND (final_minor > 0) = (final_quantity > 0)",
            name=op.f("ck_purchase_award_ordered_of_it"),
        ),
        sa.CheckConstraint(
            "quantity > 0 AND total_minor > 0", name=op.f("ck_purchase_award_of_something")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "list_id"],
            ["purchase_list.organisation_id", "purchase_list.id"],
            name=op.f("fk_purchase_award_organisation_id_list_id_purchase_list"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "supplier_id", "quote_id"],
            ["purchase_quote.organisation_id", "purchase_quote.supplier_id", "purchase_quote.id"],
            name="fk_purchase_award_to_quote",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_purchase_award_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_purchase_award")),
        sa.UniqueConstraint(
            "organisation_id",
            "list_id",
            "number",
            name=op.f("uq_purchase_award_organisation_id_list_id_number"),
        ),
    ]


def _share() -> None:
    op.create_table("purchase_share", *_share_columns(), *_share_constraints())
    op.create_index(
        "ix_purchase_share_member_id_list_id",
        "purchase_share",
        ["member_id", "list_id"],
        unique=False,
    )


def _share_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("list_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
    ]


def _share_constraints() -> list[sa.Constraint]:
    return [
        sa.CheckConstraint(
            "quantity > 0 AND amount_minor > 0", name=op.f("ck_purchase_share_of_something")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "list_id", "number"],
            ["purchase_award.organisation_id", "purchase_award.list_id", "purchase_award.number"],
            name="fk_purchase_share_of_award",
        ),
        sa.ForeignKeyConstraint(
            ["member_id"],
            ["organisation.id"],
            name=op.f("fk_purchase_share_member_id_organisation"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_purchase_share_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("list_id", "number", "member_id", name=op.f("pk_purchase_share")),
    ]
