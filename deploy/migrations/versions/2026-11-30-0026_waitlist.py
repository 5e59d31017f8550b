"""Waiting lists: who wants time that is not free."""

from collections.abc import Iterator

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

from services.runtime.row_security import OF_VISIBLE_RESOURCE, OWN, protect

revision = "0026_waitlist"
down_revision = "0025_slot_market"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A table somebody holds must fail the migration, not stop the platform behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    _entry()
    _indexes()
    for statement in _protection():
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("waitlist_entry")


def _entry() -> None:
    op.create_table(
        "waitlist_entry",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("resource_id", sa.Uuid(), nullable=False),
        sa.Column("offer_id", sa.Uuid(), nullable=True),
        sa.Column("within", postgresql.TSTZRANGE(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("state", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("booking_id", sa.Uuid(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_due", sa.Boolean(), nullable=False, server_default=sa.text("true")),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('expired', 'left', 'promoted', 'waiting')",
            name=op.f("ck_waitlist_entry_state"),
        ),
        sa.CheckConstraint(
            "(state = 'promoted') = (booking_id IS NOT NULL)",
            name=op.f("ck_waitlist_entry_promoted_to_booking"),
        ),
        sa.CheckConstraint(
            "units >= 1 AND minutes >= 1", name=op.f("ck_waitlist_entry_something_asked")
        ),
        sa.CheckConstraint(
            "NOT isempty(within) AND NOT lower_inf(within) AND NOT upper_inf(within)",
            name=op.f("ck_waitlist_entry_within_bounded"),
        ),
        sa.ForeignKeyConstraint(
            ["booking_id"], ["booking.id"], name=op.f("fk_waitlist_entry_booking_id_booking")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_waitlist_entry_organisation_id_organisation"),
        ),
        sa.ForeignKeyConstraint(
            ["provider_id", "resource_id"],
            ["resource.organisation_id", "resource.id"],
            name=op.f("fk_waitlist_entry_provider_id_resource_id_resource"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_waitlist_entry")),
    )


def _indexes() -> None:
    op.create_index(
        "ix_waitlist_entry_organisation_id_id", "waitlist_entry", ["organisation_id", "id"]
    )
    op.create_index(
        "ix_waitlist_entry_waiting",
        "waitlist_entry",
        ["resource_id", "id"],
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_index(
        "ix_waitlist_entry_due",
        "waitlist_entry",
        ["id"],
        postgresql_where=sa.text("state = 'waiting' AND is_due"),
    )
    op.create_index("uq_waitlist_entry_booking_id", "waitlist_entry", ["booking_id"], unique=True)


def _protection() -> Iterator[str]:
    """Requests ask and give up; only the worker promotes."""
    yield from protect(
        "waitlist_entry",
        read=OWN,
        write=OWN,
        insert=f"{OWN} AND state = 'waiting' AND {OF_VISIBLE_RESOURCE}",
        privileges="SELECT, INSERT, UPDATE (state, updated_at)",
    )
