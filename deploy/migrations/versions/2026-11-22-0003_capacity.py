"""First schema: resources, their time and the reservations that no two may share."""

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003_capacity"
down_revision = "0002_identity"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A table somebody holds must fail the migration, not stop the platform behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    _resource()
    _capability()
    _working_calendar()
    _maintenance()
    _twin()
    _reservation()
    _gap_withdrawal()


def downgrade() -> None:
    op.drop_table("gap_withdrawal")
    op.drop_table("reservation")
    op.drop_table("twin")
    op.drop_table("maintenance")
    op.drop_table("working_calendar")
    op.drop_table("capability")
    op.drop_table("resource")


def _resource() -> None:
    op.create_table(
        "resource",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("name_zh", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("timezone", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("setup_minutes", sa.Integer(), nullable=False),
        sa.Column("buffer_before_minutes", sa.Integer(), nullable=False),
        sa.Column("buffer_after_minutes", sa.Integer(), nullable=False),
        sa.Column("notice_minutes", sa.Integer(), nullable=False),
        sa.Column("horizon_days", sa.Integer(), nullable=False),
        sa.Column("minimum_hours", sa.Float(), nullable=False),
        sa.Column("visibility", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind ~ '^[a-z][a-z0-9_]{0,39}$'", name=op.f("ck_resource_kind_shape")),
        sa.CheckConstraint("name <> '' AND name_zh <> ''", name=op.f("ck_resource_named")),
        sa.CheckConstraint(
            "visibility IN ('nda', 'organisation', 'park', 'private', 'public', 'space')",
            name=op.f("ck_resource_visibility_known"),
        ),
        sa.CheckConstraint(
            "horizon_days BETWEEN 1 AND 400", name=op.f("ck_resource_horizon_range")
        ),
        sa.CheckConstraint("minimum_hours > 0", name=op.f("ck_resource_minimum_positive")),
        sa.CheckConstraint(
            "setup_minutes BETWEEN 0 AND 10080 AND buffer_before_minutes BETWEEN 0 AND 10080 AND buffer_after_minutes BETWEEN 0 AND 10080 AND notice_minutes BETWEEN 0 AND 10080",
            name=op.f("ck_resource_minutes_range"),
        ),
        sa.CheckConstraint("units BETWEEN 1 AND 10000", name=op.f("ck_resource_units_range")),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_resource_organisation_id_organisation"),
        ),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_resource_site_id_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_resource")),
    )
    op.create_index("ix_resource_kind_id", "resource", ["kind", "id"], unique=False)
    op.create_index(
        "ix_resource_organisation_id_id", "resource", ["organisation_id", "id"], unique=False
    )
    op.create_index(op.f("ix_resource_site_id"), "resource", ["site_id"], unique=False)


def _capability() -> None:
    op.create_table(
        "capability",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("resource_id", sa.Uuid(), nullable=False),
        sa.Column("process", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("materials", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("envelope_mm", postgresql.ARRAY(sa.Integer()), nullable=True),
        sa.Column("tolerance_um", sa.Integer(), nullable=True),
        sa.Column("certificates", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("attributes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint(
            "jsonb_typeof(attributes) = 'object'", name=op.f("ck_capability_attributes_object")
        ),
        sa.CheckConstraint(
            "jsonb_typeof(certificates) = 'array'", name=op.f("ck_capability_certificates_list")
        ),
        sa.CheckConstraint(
            "cardinality(envelope_mm) = 3 AND 0 < ALL (envelope_mm)",
            name=op.f("ck_capability_envelope_is_a_box"),
        ),
        sa.CheckConstraint("tolerance_um > 0", name=op.f("ck_capability_tolerance_positive")),
        sa.ForeignKeyConstraint(
            ["resource_id"], ["resource.id"], name=op.f("fk_capability_resource_id_resource")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_capability")),
    )
    op.create_index("ix_capability_process", "capability", ["process"], unique=False)
    op.create_index(op.f("ix_capability_resource_id"), "capability", ["resource_id"], unique=False)


def _working_calendar() -> None:
    op.create_table(
        "working_calendar",
        sa.Column("resource_id", sa.Uuid(), nullable=False),
        sa.Column("ics", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.ForeignKeyConstraint(
            ["resource_id"], ["resource.id"], name=op.f("fk_working_calendar_resource_id_resource")
        ),
        sa.PrimaryKeyConstraint("resource_id", name=op.f("pk_working_calendar")),
    )


def _maintenance() -> None:
    op.create_table(
        "maintenance",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("resource_id", sa.Uuid(), nullable=False),
        sa.Column("during", postgresql.TSTZRANGE(), nullable=False),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.CheckConstraint(
            "NOT isempty(during) AND NOT lower_inf(during) AND NOT upper_inf(during)",
            name=op.f("ck_maintenance_during_bounded"),
        ),
        sa.ForeignKeyConstraint(
            ["resource_id"], ["resource.id"], name=op.f("fk_maintenance_resource_id_resource")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_maintenance")),
    )
    op.create_index(
        "ix_maintenance_during",
        "maintenance",
        ["resource_id", "during"],
        unique=False,
        postgresql_using="gist",
    )


def _twin() -> None:
    op.create_table(
        "twin",
        sa.Column("resource_id", sa.Uuid(), nullable=False),
        sa.Column("gateway_id", sa.Uuid(), nullable=False),
        sa.Column("device", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.ForeignKeyConstraint(
            ["gateway_id"], ["gateway.id"], name=op.f("fk_twin_gateway_id_gateway")
        ),
        sa.ForeignKeyConstraint(
            ["resource_id"], ["resource.id"], name=op.f("fk_twin_resource_id_resource")
        ),
        sa.PrimaryKeyConstraint("resource_id", name=op.f("pk_twin")),
        sa.UniqueConstraint("gateway_id", "device", name=op.f("uq_twin_gateway_id_device")),
    )


def _reservation() -> None:
    op.create_table(
        "reservation",
        sa.Column("booking_id", sa.Uuid(), nullable=False),
        sa.Column("resource_id", sa.Uuid(), nullable=False),
        sa.Column("unit", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("during", postgresql.TSTZRANGE(), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.column("resource_id"), "="),
            (sa.column("unit"), "="),
            (sa.column("during"), "&&"),
            using="gist",
            name="ex_reservation_no_overlap",
        ),
        sa.CheckConstraint(
            "NOT isempty(during) AND NOT lower_inf(during) AND NOT upper_inf(during)",
            name=op.f("ck_reservation_during_bounded"),
        ),
        sa.CheckConstraint("unit >= 0", name=op.f("ck_reservation_unit_not_negative")),
        sa.ForeignKeyConstraint(
            ["resource_id"], ["resource.id"], name=op.f("fk_reservation_resource_id_resource")
        ),
        sa.PrimaryKeyConstraint("booking_id", "resource_id", "unit", name=op.f("pk_reservation")),
    )


def _gap_withdrawal() -> None:
    op.create_table(
        "gap_withdrawal",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("resource_id", sa.Uuid(), nullable=False),
        sa.Column("during", postgresql.TSTZRANGE(), nullable=False),
        sa.Column("cause", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("restored_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "cause IN ('down', 'maintenance', 'off')", name=op.f("ck_gap_withdrawal_cause_known")
        ),
        sa.CheckConstraint(
            "NOT isempty(during) AND NOT lower_inf(during) AND NOT upper_inf(during)",
            name=op.f("ck_gap_withdrawal_during_bounded"),
        ),
        sa.CheckConstraint(
            "restored_at >= withdrawn_at", name=op.f("ck_gap_withdrawal_restored_later")
        ),
        sa.ForeignKeyConstraint(
            ["resource_id"], ["resource.id"], name=op.f("fk_gap_withdrawal_resource_id_resource")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gap_withdrawal")),
    )
    op.create_index(
        "ix_gap_withdrawal_withdrawn_at_id", "gap_withdrawal", ["withdrawn_at", "id"], unique=False
    )
    op.create_index(
        "uq_gap_withdrawal_open",
        "gap_withdrawal",
        ["resource_id"],
        unique=True,
        postgresql_where=sa.text("restored_at IS NULL"),
    )
