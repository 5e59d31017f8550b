"""First schema: bookings."""

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006_booking"
down_revision = "0005_matching"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A table somebody holds must fail the migration, not stop the platform behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    _booking()


def downgrade() -> None:
    op.drop_table("booking")


def _booking() -> None:
    op.create_table(
        "booking",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("resource_id", sa.Uuid(), nullable=False),
        sa.Column("offer_id", sa.Uuid(), nullable=True),
        sa.Column("demand_id", sa.Uuid(), nullable=True),
        sa.Column("during", postgresql.TSTZRANGE(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("state", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("hold_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("price_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("at_risk", sa.Boolean(), nullable=False),
        sa.Column("at_risk_reason", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "state <> 'held' OR hold_until IS NOT NULL", name=op.f("ck_booking_hold_has_end")
        ),
        sa.CheckConstraint(
            "state IN ('cancelled', 'confirmed', 'expired', 'finished', 'held', 'no_show', 'started')",
            name=op.f("ck_booking_state"),
        ),
        sa.CheckConstraint(
            "(price_minor IS NULL) = (currency IS NULL)", name=op.f("ck_booking_price_whole")
        ),
        sa.CheckConstraint(
            "NOT isempty(during) AND NOT lower_inf(during) AND NOT upper_inf(during)",
            name=op.f("ck_booking_during_bounded"),
        ),
        sa.CheckConstraint(
            "at_risk = (at_risk_reason IS NOT NULL)", name=op.f("ck_booking_risk_has_reason")
        ),
        sa.CheckConstraint("price_minor >= 0", name=op.f("ck_booking_price_not_negative")),
        sa.CheckConstraint("units >= 1", name=op.f("ck_booking_units")),
        sa.CheckConstraint("version >= 1", name=op.f("ck_booking_version")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_booking")),
    )
    op.create_index(
        "ix_booking_active_resource",
        "booking",
        ["resource_id", "during"],
        unique=False,
        postgresql_using="gist",
        postgresql_where=sa.text("state IN ('confirmed', 'held', 'started')"),
    )
    op.create_index(
        "ix_booking_organisation_id_id", "booking", ["organisation_id", "id"], unique=False
    )
    op.create_index(
        "ix_booking_overdue",
        "booking",
        ["hold_until"],
        unique=False,
        postgresql_where=sa.text("state = 'held'"),
    )
