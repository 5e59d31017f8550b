"""First schema: live state, its changes, observations, quarantine."""

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004_telemetry"
down_revision = "0003_capacity"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A table somebody holds must fail the migration, not stop the platform behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    _resource_state()
    _state_change()
    _observation()
    _quarantine()


def downgrade() -> None:
    op.drop_table("quarantine")
    op.drop_table("observation")
    op.drop_table("state_change")
    op.drop_table("resource_state")


def _resource_state() -> None:
    op.create_table(
        "resource_state",
        sa.Column("resource_id", sa.Uuid(), nullable=False),
        sa.Column("state", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("job_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("job_predicted_end", sa.DateTime(timezone=True), nullable=True),
        sa.Column("prediction_source", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("part_count", sa.BigInteger(), nullable=True),
        sa.Column("execution", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("epoch", sa.BigInteger(), nullable=True),
        sa.Column("journal_offset", sa.BigInteger(), nullable=True),
        sa.Column("quality", sa.Integer(), nullable=False),
        sa.Column("reported", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("reported_reason", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column(
            "cursors",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "reported IN ('down', 'executing', 'idle', 'maintenance', 'off', 'setup', 'unknown')",
            name=op.f("ck_resource_state_reported_known"),
        ),
        sa.CheckConstraint(
            "state IN ('down', 'executing', 'idle', 'maintenance', 'off', 'setup', 'unknown')",
            name=op.f("ck_resource_state_state_known"),
        ),
        sa.CheckConstraint("part_count >= 0", name=op.f("ck_resource_state_parts_not_negative")),
        sa.ForeignKeyConstraint(
            ["resource_id"], ["resource.id"], name=op.f("fk_resource_state_resource_id_resource")
        ),
        sa.PrimaryKeyConstraint("resource_id", name=op.f("pk_resource_state")),
    )
    op.create_index(
        "ix_resource_state_seen_at",
        "resource_state",
        ["seen_at"],
        unique=False,
        postgresql_where=sa.text("state <> 'unknown'"),
    )


def _state_change() -> None:
    op.create_table(
        "state_change",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("resource_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('down', 'executing', 'idle', 'maintenance', 'off', 'setup', 'unknown')",
            name=op.f("ck_state_change_state_known"),
        ),
        sa.ForeignKeyConstraint(
            ["resource_id"], ["resource.id"], name=op.f("fk_state_change_resource_id_resource")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_state_change")),
    )
    op.create_index(
        "ix_state_change_resource_id_at", "state_change", ["resource_id", "at", "id"], unique=False
    )


def _observation() -> None:
    op.create_table(
        "observation",
        sa.Column("gateway_id", sa.Uuid(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("journal_offset", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("resource_id", sa.Uuid(), nullable=False),
        sa.Column("signal", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("value_text", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("value_number", sa.Float(precision=53), nullable=True),
        sa.Column("value_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("quality", sa.Integer(), nullable=False),
        sa.Column("source_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ingested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("suspect", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "signal IN ('Analog/SpindleLoad', 'Capacity/Job/Id', 'Capacity/Job/PredictedEnd', 'Capacity/Job/PredictionSource', 'Capacity/State', 'Capacity/StateReason', 'Counters/Parts', 'Machine/Execution')",
            name=op.f("ck_observation_signal_known"),
        ),
        sa.CheckConstraint(
            "epoch >= 0 AND journal_offset >= 1", name=op.f("ck_observation_journal_place")
        ),
        sa.CheckConstraint(
            "num_nonnulls(value_text, value_number, value_at) <= 1",
            name=op.f("ck_observation_one_value"),
        ),
        sa.PrimaryKeyConstraint(
            "gateway_id", "epoch", "journal_offset", name=op.f("pk_observation")
        ),
    )
    op.create_index(
        "ix_observation_resource_id_source_at",
        "observation",
        ["resource_id", "source_at"],
        unique=False,
    )


def _quarantine() -> None:
    op.create_table(
        "quarantine",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("topic", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("payload_bytes", sa.Integer(), nullable=False),
        sa.Column("cause", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "octet_length(payload) <= 65536", name=op.f("ck_quarantine_payload_cut")
        ),
        sa.CheckConstraint(
            "payload_bytes >= octet_length(payload)", name=op.f("ck_quarantine_payload_size")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quarantine")),
    )
