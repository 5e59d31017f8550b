"""A demand keeps the size its tolerance was asked at, so that it can be told as a grade again."""

import sqlalchemy as sa
from alembic import op

revision = "0016_nominal_size"
down_revision = "0015_own_side"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A table somebody holds must fail the migration, not stop the platform behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column("demand", sa.Column("nominal_mm", sa.Float(), nullable=True))
    op.create_check_constraint(op.f("ck_demand_nominal_positive"), "demand", "nominal_mm > 0")


def downgrade() -> None:
    op.drop_constraint(op.f("ck_demand_nominal_positive"), "demand", type_="check")
    op.drop_column("demand", "nominal_mm")
