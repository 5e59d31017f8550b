"""Customisation pools and what was asked of them."""

import sqlalchemy as sa
import sqlmodel
from alembic import op

from services.runtime.row_security import OWN, own, protect

revision = "0093_lot_pools"
down_revision = "0092_project_guards"
branch_labels = None
depends_on = None

TEXT = sqlmodel.sql.sqltypes.AutoString
TABLES = ("lot_pool", "lot_pool_demand")


def upgrade() -> None:
    # A table somebody holds must fail the migration, not stop the platform behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    _lot_pool()
    _lot_pool_demand()
    for statement in (
        *protect("lot_pool", read="true", insert=OWN, privileges="SELECT, INSERT"),
        *protect(
            "lot_pool_demand",
            read=f"({OWN} OR {own('owner_id')})",
            write=OWN,
            insert=f"{OWN} AND state = 'waiting' AND EXISTS (SELECT FROM lot_pool"
            " WHERE lot_pool.id = pool_id AND lot_pool.state = 'open')",
            privileges="SELECT, INSERT, UPDATE (state)",
        ),
    ):
        op.execute(statement)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)


def _lot_pool() -> None:
    op.create_table(
        "lot_pool",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("title", TEXT(), nullable=False),
        sa.Column("about", TEXT(), nullable=False),
        sa.Column("unit_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", TEXT(), nullable=False),
        sa.Column("lot_least", sa.Integer(), nullable=False),
        sa.Column("closes_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", TEXT(), nullable=False),
        sa.Column("pooled", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state IN ('met', 'open', 'released')", name=op.f("ck_lot_pool_state")),
        sa.CheckConstraint(
            "currency ~ '^[A-Z]{3}$' AND unit_minor > 0 AND lot_least > 0",
            name=op.f("ck_lot_pool_terms"),
        ),
        sa.CheckConstraint(
            "(state = 'open') = (pooled IS NULL)"
            " AND (state = 'met') = (coalesce(pooled, 0) >= lot_least)",
            name=op.f("ck_lot_pool_met_by_pieces"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_lot_pool_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lot_pool")),
        sa.UniqueConstraint("organisation_id", "id", name=op.f("uq_lot_pool_organisation_id_id")),
    )


def _lot_pool_demand() -> None:
    op.create_table(
        "lot_pool_demand",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("pool_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("options", TEXT(), nullable=False),
        sa.Column("state", TEXT(), nullable=False),
        sa.Column("escrow_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('ordered', 'released', 'settled', 'waiting')",
            name=op.f("ck_lot_pool_demand_state"),
        ),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_lot_pool_demand_quantity")),
        sa.CheckConstraint(
            "(escrow_id IS NOT NULL) = (state IN ('ordered', 'settled'))",
            name=op.f("ck_lot_pool_demand_ordered_with_escrow"),
        ),
        sa.CheckConstraint("owner_id <> organisation_id", name=op.f("ck_lot_pool_demand_of_two")),
        sa.ForeignKeyConstraint(
            ["owner_id", "pool_id"],
            ["lot_pool.organisation_id", "lot_pool.id"],
            name="fk_lot_pool_demand_of_pool",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_lot_pool_demand_organisation_id_organisation"),
        ),
        sa.ForeignKeyConstraint(
            ["escrow_id"],
            ["ledger_escrow.id"],
            name=op.f("fk_lot_pool_demand_escrow_id_ledger_escrow"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lot_pool_demand")),
        sa.UniqueConstraint(
            "pool_id",
            "organisation_id",
            name=op.f("uq_lot_pool_demand_pool_id_organisation_id"),
        ),
    )
