"""The newest event of a kind is found at once, for whoever must know how far to have come."""

from alembic import op

revision = "0021_outbox_subjects"
down_revision = "0020_quantities"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A table somebody holds must fail the migration, not stop the platform behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_index("ix_outbox_event_subject_xid_seq", "outbox_event", ["subject", "xid", "seq"])


def downgrade() -> None:
    op.drop_index("ix_outbox_event_subject_xid_seq", "outbox_event")
