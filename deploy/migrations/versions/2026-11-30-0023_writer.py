"""Reservations lie in eight partitions, each with its own guard; active bookings by a B-tree."""

from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from services.runtime.row_security import OF_VISIBLE_RESOURCE, OWN, own, protect

revision = "0023_writer"
down_revision = "0022_reliability"
branch_labels = None
depends_on = None

PARTITIONS = 8
COLUMNS = "booking_id, resource_id, organisation_id, booked_by, unit, during"
ACTIVE = sa.text("state IN ('confirmed', 'held', 'started')")


def upgrade() -> None:
    # A table somebody holds must fail the migration, not stop the platform behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in _keep_rows():
        op.execute(statement)
    _reservation()
    for statement in (*_partitions(), *_protection()):
        op.execute(statement)
    op.drop_index("ix_booking_active_resource", table_name="booking")
    op.create_index(
        "ix_booking_active_resource", "booking", ["resource_id", "id"], postgresql_where=ACTIVE
    )


def downgrade() -> None:
    raise NotImplementedError("the guard would be gone while rows move; restore a backup")


def _keep_rows() -> Iterator[str]:
    # Row security is forced on the owner too: it is lifted from the table that goes.
    yield "ALTER TABLE reservation NO FORCE ROW LEVEL SECURITY"
    yield f"CREATE TEMPORARY TABLE kept ON COMMIT DROP AS SELECT {COLUMNS} FROM reservation"
    yield "DROP TABLE reservation"


def _reservation() -> None:
    op.create_table(
        "reservation",
        sa.Column("booking_id", sa.Uuid(), nullable=False),
        sa.Column("resource_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("booked_by", sa.Uuid(), nullable=False),
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
            ["organisation_id", "resource_id"],
            ["resource.organisation_id", "resource.id"],
            name=op.f("fk_reservation_organisation_id_resource_id_resource"),
        ),
        sa.PrimaryKeyConstraint("booking_id", "resource_id", "unit", name=op.f("pk_reservation")),
        postgresql_partition_by="HASH (resource_id)",
    )


def _partitions() -> Iterator[str]:
    for remainder in range(PARTITIONS):
        yield (
            f"CREATE TABLE reservation_{remainder} PARTITION OF reservation"
            f" FOR VALUES WITH (MODULUS {PARTITIONS}, REMAINDER {remainder})"
        )
    yield f"INSERT INTO reservation ({COLUMNS}) SELECT {COLUMNS} FROM kept"
    yield "DROP TABLE kept"


def _protection() -> Iterator[str]:
    taken = f"({OWN} OR {own('booked_by')})"
    # Both sides give time back even when the resource is shown to them no more.
    yield from protect(
        "reservation",
        read=f"({taken} OR {OF_VISIBLE_RESOURCE})",
        write=taken,
        insert=f"({taken} AND {OF_VISIBLE_RESOURCE})",
    )
    for remainder in range(PARTITIONS):  # Nobody is granted one: all go through the whole.
        yield f"ALTER TABLE reservation_{remainder} ENABLE ROW LEVEL SECURITY"
        yield f"ALTER TABLE reservation_{remainder} FORCE ROW LEVEL SECURITY"
