"""Configurable products, their versions, orders and milestones."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

from services.runtime.row_security import MANAGES, OWN, own, protect

revision = "0107_products"
down_revision = "0106_remote_sessions"
branch_labels = None
depends_on = None

TABLES = (
    "product",
    "product_version",
    "product_order",
    "product_milestone",
)
TEXT = sqlmodel.sql.sqltypes.AutoString
OWN_MAKER = own("maker_id")
OWN_PAYEE = own("payee_id")
VISIBLE = f"({OWN} AND (visibility <> 'private' OR {MANAGES})) OR visibility = 'public'"
OF_VISIBLE = "EXISTS (SELECT FROM product WHERE product.id = product_id)"
OF_OWN_ORDER = f"""EXISTS (SELECT FROM product_order AS ordered
 WHERE ordered.product_id = product_version.product_id
   AND ordered.product_version = product_version.version AND {own("ordered.organisation_id")})"""


def upgrade() -> None:
    # A table somebody holds must fail the migration, not stop the platform behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    _product()
    _product_version()
    _product_order()
    _product_milestone()
    for statement in _protection():
        op.execute(statement)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)


def _product() -> None:
    op.create_table("product", *_product_columns(), *_product_constraints())


def _product_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("visibility", TEXT(), nullable=False),
        sa.Column("state", TEXT(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    ]


def _product_constraints() -> list[sa.Constraint]:
    return [
        sa.CheckConstraint("state IN ('published', 'withdrawn')", name=op.f("ck_product_state")),
        sa.CheckConstraint(
            "visibility IN ('organisation', 'private', 'public')",
            name=op.f("ck_product_visibility"),
        ),
        sa.CheckConstraint("version >= 1", name=op.f("ck_product_version")),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_product_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product")),
        sa.UniqueConstraint("organisation_id", "id", name=op.f("uq_product_organisation_id_id")),
    ]


def _product_version() -> None:
    op.create_table("product_version", *_product_version_columns(), *_product_version_constraints())


def _product_version_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("title", TEXT(), nullable=False),
        sa.Column("title_zh", TEXT(), nullable=False),
        sa.Column("specification", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    ]


def _product_version_constraints() -> list[sa.Constraint]:
    return [
        sa.ForeignKeyConstraint(
            ["organisation_id", "product_id"],
            ["product.organisation_id", "product.id"],
            name=op.f("fk_product_version_organisation_id_product_id_product"),
        ),
        sa.PrimaryKeyConstraint("product_id", "version", name=op.f("pk_product_version")),
        sa.UniqueConstraint(
            "organisation_id",
            "product_id",
            "version",
            name=op.f("uq_product_version_organisation_id_product_id_version"),
        ),
    ]


def _product_order() -> None:
    op.create_table("product_order", *_product_order_columns(), *_product_order_constraints())
    op.create_index(
        "ix_product_order_maker_id_id", "product_order", ["maker_id", "id"], unique=False
    )


def _product_order_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("maker_id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("product_version", sa.Integer(), nullable=False),
        sa.Column("choices", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", TEXT(), nullable=False),
        sa.Column("lines", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("joint_id", sa.Uuid(), nullable=False),
        sa.Column("state", TEXT(), nullable=False),
        sa.Column("delivered_by", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    ]


def _product_order_constraints() -> list[sa.Constraint]:
    return [
        sa.CheckConstraint(
            "state IN ('cancelled', 'completed', 'confirmed', 'held')",
            name=op.f("ck_product_order_state"),
        ),
        sa.CheckConstraint(
            "quantity > 0 AND version >= 1 AND total_minor >= 0",
            name=op.f("ck_product_order_counted"),
        ),
        sa.ForeignKeyConstraint(
            ["maker_id", "product_id", "product_version"],
            [
                "product_version.organisation_id",
                "product_version.product_id",
                "product_version.version",
            ],
            name="fk_product_order_of_version",
        ),
        sa.ForeignKeyConstraint(
            ["maker_id"], ["organisation.id"], name=op.f("fk_product_order_maker_id_organisation")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "joint_id"],
            ["joint.organisation_id", "joint.id"],
            name="fk_product_order_of_joint",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_product_order_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product_order")),
        sa.UniqueConstraint("joint_id", name=op.f("uq_product_order_joint_id")),
        sa.UniqueConstraint(
            "organisation_id", "id", name=op.f("uq_product_order_organisation_id_id")
        ),
    ]


def _product_milestone() -> None:
    op.create_table(
        "product_milestone", *_product_milestone_columns(), *_product_milestone_constraints()
    )
    op.create_index(
        "ix_product_milestone_payee_id", "product_milestone", ["payee_id"], unique=False
    )


def _product_milestone_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("payee_id", sa.Uuid(), nullable=False),
        sa.Column("title", TEXT(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("booking_id", sa.Uuid(), nullable=True),
        sa.Column("escrow_id", sa.Uuid(), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
    ]


def _product_milestone_constraints() -> list[sa.Constraint]:
    return [
        sa.CheckConstraint(
            "(escrow_id IS NOT NULL) = (amount_minor > 0 AND payee_id <> organisation_id)",
            name=op.f("ck_product_milestone_escrowed"),
        ),
        sa.CheckConstraint(
            "number >= 1 AND amount_minor >= 0", name=op.f("ck_product_milestone_counted")
        ),
        sa.CheckConstraint(
            "released_at IS NULL OR done_at IS NOT NULL",
            name=op.f("ck_product_milestone_paid_when_done"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "order_id"],
            ["product_order.organisation_id", "product_order.id"],
            name=op.f("fk_product_milestone_organisation_id_order_id_product_order"),
        ),
        sa.ForeignKeyConstraint(
            ["payee_id"],
            ["organisation.id"],
            name=op.f("fk_product_milestone_payee_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("order_id", "number", name=op.f("pk_product_milestone")),
        sa.UniqueConstraint("booking_id", name=op.f("uq_product_milestone_booking_id")),
        sa.UniqueConstraint("escrow_id", name=op.f("uq_product_milestone_escrow_id")),
    ]


def _protection() -> Iterator[str]:
    """Who pays and who is paid see a milestone; an order's version is read by its buyer."""
    yield from protect(
        "product",
        read=VISIBLE,
        write=OWN,
        privileges="SELECT, INSERT, UPDATE (state, version, updated_at)",
    )
    yield from protect(
        "product_version",
        read=f"{OF_VISIBLE} OR {OF_OWN_ORDER}",
        insert=OWN,
        privileges="SELECT, INSERT",
    )
    yield from protect(
        "product_order",
        read=f"{OWN} OR {OWN_MAKER}",
        write=OWN,
        insert=f"{OWN} AND state = 'held'",
        privileges="SELECT, INSERT, UPDATE (state, version, updated_at)",
    )
    yield from protect(
        "product_milestone",
        read=f"{OWN} OR {OWN_PAYEE}",
        write=OWN,
        privileges="SELECT, INSERT, UPDATE (released_at)",
    )
