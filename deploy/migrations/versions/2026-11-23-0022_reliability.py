"""How reliable each machine was, told once a day."""

import sqlalchemy as sa
from alembic import op

revision = "0022_reliability"
down_revision = "0021_outbox_subjects"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A table somebody holds must fail the migration, not stop the platform behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column("resource_state", sa.Column("reliability", sa.SmallInteger(), nullable=True))
    op.add_column(
        "resource_state",
        sa.Column("reliability_until", sa.DateTime(timezone=True), nullable=True),
    )
    op.create_check_constraint(
        op.f("ck_resource_state_reliability_permille"),
        "resource_state",
        "reliability BETWEEN 0 AND 1000",
    )


def downgrade() -> None:
    op.drop_constraint(
        op.f("ck_resource_state_reliability_permille"), "resource_state", type_="check"
    )
    op.drop_column("resource_state", "reliability_until")
    op.drop_column("resource_state", "reliability")
