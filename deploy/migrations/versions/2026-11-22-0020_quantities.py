"""Minimum lots, set-up as a part of what a booking occupies, and resources that are booked along."""

import sqlalchemy as sa
from alembic import op

from services.runtime.database_roles import APP
from services.runtime.nda_rule import RESOURCE_SUBJECTS, under_nda
from services.runtime.row_security import OF_VISIBLE_RESOURCE, OWN, SHOWN, VISIBLE, protect

revision = "0020_quantities"
down_revision = "0019_rounds"
branch_labels = None
depends_on = None

READABLE = (
    f"{VISIBLE} OR (visibility = 'nda' AND {under_nda('resource', subjects=RESOURCE_SUBJECTS)})"
)


def upgrade() -> None:
    # A table somebody holds must fail the migration, not stop the platform behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    _lots()
    _companions()
    _bookings()


def downgrade() -> None:
    op.drop_constraint(op.f("ck_booking_cause_of_risk"), "booking", type_="check")
    op.drop_column("booking", "at_risk_resource_id")
    op.drop_constraint(op.f("ck_booking_setup_not_negative"), "booking", type_="check")
    op.drop_column("booking", "setup_minutes")
    op.execute(f"ALTER POLICY resource_read ON resource USING ({READABLE})")
    op.drop_table("companion")
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


def _companions() -> None:
    op.create_table(
        "companion",
        sa.Column("resource_id", sa.Uuid(), nullable=False),
        sa.Column("companion_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.CheckConstraint("resource_id <> companion_id", name=op.f("ck_companion_not_itself")),
        sa.CheckConstraint("units BETWEEN 1 AND 10000", name=op.f("ck_companion_units_range")),
        *(
            sa.ForeignKeyConstraint(
                ["organisation_id", column],
                ["resource.organisation_id", "resource.id"],
                name=op.f(f"fk_companion_organisation_id_{column}_resource"),
            )
            for column in ("resource_id", "companion_id")
        ),
        sa.PrimaryKeyConstraint("resource_id", "companion_id", name=op.f("pk_companion")),
    )
    op.create_index("ix_companion_companion_id", "companion", ["companion_id"])
    for statement in protect("companion", read=OF_VISIBLE_RESOURCE, write=OWN):
        op.execute(statement)
    op.execute(f"ALTER POLICY resource_read ON resource USING ({READABLE} OR {SHOWN})")


def _bookings() -> None:
    op.add_column(
        "booking",
        sa.Column("setup_minutes", sa.Integer(), server_default=sa.text("0"), nullable=False),
    )
    op.create_check_constraint(
        op.f("ck_booking_setup_not_negative"), "booking", "setup_minutes >= 0"
    )
    op.add_column("booking", sa.Column("at_risk_resource_id", sa.Uuid(), nullable=True))
    op.create_check_constraint(
        op.f("ck_booking_cause_of_risk"), "booking", "at_risk OR at_risk_resource_id IS NULL"
    )
    op.execute(f"GRANT UPDATE (at_risk_resource_id) ON booking TO {APP}")
