"""Launching booked software: where it is opened, and every link that was given."""

from collections.abc import Iterator

import sqlalchemy as sa
import sqlmodel
from alembic import op

from services.runtime.database_roles import WORKER
from services.runtime.row_security import OF_VISIBLE_RESOURCE, OWN, own, protect

revision = "0097_launches"
down_revision = "0096_search"
branch_labels = None
depends_on = None

TEXT = sqlmodel.sql.sqltypes.AutoString
BOOKED = f"""EXISTS (SELECT FROM booking WHERE booking.resource_id = launch_target.resource_id
 AND {own("booking.organisation_id")} AND booking.state IN ('confirmed', 'started'))"""
IN_ITS_TIME = f"""{OWN} AND EXISTS (SELECT FROM booking WHERE booking.id = booking_id
 AND booking.organisation_id = launch.organisation_id
 AND booking.provider_id = launch.provider_id AND booking.resource_id = launch.resource_id
 AND booking.state IN ('confirmed', 'started') AND booking.during @> launch.at
 AND launch.until <= upper(booking.during) AND launch.seat <= booking.units)"""


def upgrade() -> None:
    # A table somebody holds must fail the migration, not stop the platform behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    _target()
    _launch()
    for statement in _protection():
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("launch")
    op.drop_table("launch_target")


def _target() -> None:
    op.create_table(
        "launch_target",
        sa.Column("resource_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("url_template", TEXT(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id", "resource_id"],
            ["resource.organisation_id", "resource.id"],
            name=op.f("fk_launch_target_organisation_id_resource_id_resource"),
        ),
        sa.PrimaryKeyConstraint("resource_id", name=op.f("pk_launch_target")),
    )


def _launch() -> None:
    op.create_table(
        "launch",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("booking_id", sa.Uuid(), nullable=False),
        sa.Column("resource_id", sa.Uuid(), nullable=False),
        sa.Column("seat", sa.Integer(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("seat >= 1", name=op.f("ck_launch_seat_positive")),
        sa.CheckConstraint(
            "at < expires_at AND expires_at <= until", name=op.f("ck_launch_ends_in_time")
        ),
        sa.ForeignKeyConstraint(
            ["booking_id"], ["booking.id"], name=op.f("fk_launch_booking_id_booking")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_launch")),
    )
    op.create_index("ix_launch_booking_id_id", "launch", ["booking_id", "id"], unique=False)


def _protection() -> Iterator[str]:
    """Whoever booked reads where it is opened; a launch is within a confirmed booking's time."""
    yield from protect(
        "launch_target",
        read=f"({OWN} AND {OF_VISIBLE_RESOURCE}) OR {BOOKED}",
        write=OWN,
        privileges="SELECT, INSERT, UPDATE (url_template, updated_at)",
    )
    yield from protect(
        "launch",
        read=f"{OWN} OR {own('provider_id')}",
        insert=IN_ITS_TIME,
        privileges="SELECT, INSERT",
    )
    yield f"REVOKE UPDATE, DELETE ON launch FROM {WORKER}"
