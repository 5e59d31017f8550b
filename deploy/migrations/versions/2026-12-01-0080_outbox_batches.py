"""A row of the outbox may stand for several events of one transaction on one subject."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0080_outbox_batches"
down_revision = "0072_finance"
branch_labels = None
depends_on = None

CHECKS = {
    "one_or_several": "num_nonnulls(payload, events) = 1",
    "counted": "event_count >= 1",
    "one_counts_once": "events IS NOT NULL OR event_count = 1",
}


def upgrade() -> None:
    # A table somebody holds must fail the migration, not stop the platform behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.alter_column("outbox_event", "payload", existing_type=postgresql.JSONB(), nullable=True)
    op.add_column("outbox_event", sa.Column("events", sa.LargeBinary(), nullable=True))
    op.add_column(
        "outbox_event",
        sa.Column("event_count", sa.Integer(), server_default=sa.text("1"), nullable=False),
    )
    # Written once, read once: packing it would cost more than it saves.
    op.execute("ALTER TABLE outbox_event ALTER COLUMN events SET STORAGE EXTERNAL")
    for name, condition in CHECKS.items():
        op.create_check_constraint(op.f(f"ck_outbox_event_{name}"), "outbox_event", condition)


def downgrade() -> None:
    raise NotImplementedError("events told together would be lost; restore a backup instead")
