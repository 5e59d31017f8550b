"""Minimum lots, and set-up as a part of what a booking occupies."""

import sqlalchemy as sa
from alembic import op

revision = "0020_quantities"
down_revision = "0016_nominal_size"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A table somebody holds must fail the migration, not stop the platform behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    _lots()
    _setup()


def downgrade() -> None:
    op.drop_constraint(op.f("ck_booking_setup_not_negative"), "booking", type_="check")
    op.drop_column("booking", "setup_minutes")
    op.drop_constraint(op.f("ck_resource_minimum_quantity_range"), "resource", type_="check")
    op.drop_column("resource", "minimum_quantity")


def _lots() -> None:
    op.add_column(
        "resource",
        sa.Column("minimum_quantity", sa.Integer(), server_default=sa.text("1"), nullable=False),
    )
    op.create_check_constraint(
        op.f("ck_resource_minimum_quantity_range"),
        "resource",
        "minimum_quantity BETWEEN 1 AND 1000000",
    )


def _setup() -> None:
    op.add_column(
        "booking",
        sa.Column("setup_minutes", sa.Integer(), server_default=sa.text("0"), nullable=False),
    )
    op.create_check_constraint(
        op.f("ck_booking_setup_not_negative"), "booking", "setup_minutes >= 0"
    )
