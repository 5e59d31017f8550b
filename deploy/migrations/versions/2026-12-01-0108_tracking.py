"""Tracking of booked work: samples, test reports, handovers of goods."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

from services.runtime.database_roles import APP
from services.runtime.row_security import OWN, PRESENTED, own, protect

revision = "0108_tracking"
down_revision = "0107_products"
branch_labels = None
depends_on = None

TABLES = ("handover", "sample", "sample_step", "test_report")
TEXT = sqlmodel.sql.sqltypes.AutoString
OWN_LABORATORY = own("laboratory_id")
OWN_CARRIER = own("carrier_id")
PARTIES = f"{OWN} OR {OWN_LABORATORY}"
BOOKED_THERE = """EXISTS (SELECT FROM booking WHERE booking.id = booking_id
   AND booking.organisation_id = sample.organisation_id
   AND booking.provider_id = laboratory_id)"""
BOOKED_OF_CARRIER = """EXISTS (SELECT FROM booking WHERE booking.id = booking_id
   AND booking.organisation_id = handover.organisation_id
   AND booking.provider_id = carrier_id)"""
MOVES = (
    ("in_test", "reported"),
    ("received", "disposed"),
    ("received", "in_test"),
    ("received", "returned"),
    ("registered", "received"),
    ("reported", "disposed"),
    ("reported", "returned"),
)
"""From which state to which its laboratory moves a sample: ``marketplace.tracking.domain``."""
FOLLOWS_ITS_LIFE = """
CREATE FUNCTION sample_follows_its_life() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  caller uuid := nullif(current_setting('app.org', true), '')::uuid;
BEGIN
  IF NEW.state <> OLD.state AND (
    (current_user = '{app}' AND caller IS DISTINCT FROM NEW.laboratory_id) OR NOT EXISTS (
    SELECT FROM (VALUES {moves}) AS life (source, target)
     WHERE life.source = OLD.state AND life.target = NEW.state)) THEN
    RAISE EXCEPTION 'a sample % does not become % by its %', OLD.state, NEW.state,
      CASE WHEN caller = NEW.laboratory_id THEN 'laboratory' ELSE 'buyer' END
      USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$
"""


def upgrade() -> None:
    # A table somebody holds must fail the migration, not stop the platform behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    _handover()
    _sample()
    _sample_step()
    _test_report()
    for statement in _protection():
        op.execute(statement)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
    op.execute("DROP FUNCTION sample_follows_its_life()")


def _handover() -> None:
    op.create_table("handover", *_handover_columns(), *_handover_constraints())
    op.create_index("ix_handover_carrier_id_id", "handover", ["carrier_id", "id"], unique=False)


def _handover_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("carrier_id", sa.Uuid(), nullable=False),
        sa.Column("booking_id", sa.Uuid(), nullable=False),
        sa.Column("kind", TEXT(), nullable=False),
        sa.Column("place", TEXT(), nullable=False),
        sa.Column("note", TEXT(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_by", sa.Uuid(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
    ]


def _handover_constraints() -> list[sa.Constraint]:
    return [
        sa.CheckConstraint("kind IN ('delivered', 'picked_up')", name=op.f("ck_handover_kind")),
        sa.ForeignKeyConstraint(
            ["booking_id"], ["booking.id"], name=op.f("fk_handover_booking_id_booking")
        ),
        sa.ForeignKeyConstraint(
            ["carrier_id"], ["organisation.id"], name=op.f("fk_handover_carrier_id_organisation")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_handover_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_handover")),
        sa.UniqueConstraint("booking_id", "kind", name=op.f("uq_handover_booking_id_kind")),
    ]


def _sample() -> None:
    op.create_table("sample", *_sample_columns(), *_sample_constraints())
    op.create_index(op.f("ix_sample_booking_id"), "sample", ["booking_id"], unique=False)
    op.create_index("ix_sample_laboratory_id_id", "sample", ["laboratory_id", "id"], unique=False)


def _sample_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("laboratory_id", sa.Uuid(), nullable=False),
        sa.Column("booking_id", sa.Uuid(), nullable=False),
        sa.Column("label", TEXT(), nullable=False),
        sa.Column("method", TEXT(), nullable=False),
        sa.Column("accreditations", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", TEXT(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    ]


def _sample_constraints() -> list[sa.Constraint]:
    return [
        sa.CheckConstraint(
            "state IN ('disposed', 'in_test', 'received', 'registered', 'reported', 'returned')",
            name=op.f("ck_sample_state"),
        ),
        sa.CheckConstraint("version >= 1", name=op.f("ck_sample_version")),
        sa.ForeignKeyConstraint(
            ["booking_id"], ["booking.id"], name=op.f("fk_sample_booking_id_booking")
        ),
        sa.ForeignKeyConstraint(
            ["laboratory_id"],
            ["organisation.id"],
            name=op.f("fk_sample_laboratory_id_organisation"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_sample_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sample")),
        sa.UniqueConstraint(
            "organisation_id",
            "laboratory_id",
            "id",
            name=op.f("uq_sample_organisation_id_laboratory_id_id"),
        ),
    ]


def _sample_step() -> None:
    op.create_table("sample_step", *_sample_step_columns(), *_sample_step_constraints())
    op.create_index("ix_sample_step_sample_id_id", "sample_step", ["sample_id", "id"], unique=False)


def _sample_step_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("laboratory_id", sa.Uuid(), nullable=False),
        sa.Column("sample_id", sa.Uuid(), nullable=False),
        sa.Column("said_by", sa.Uuid(), nullable=False),
        sa.Column("state", TEXT(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("note", TEXT(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    ]


def _sample_step_constraints() -> list[sa.Constraint]:
    return [
        sa.CheckConstraint(
            "state IN ('disposed', 'in_test', 'received', 'registered', 'reported', 'returned')",
            name=op.f("ck_sample_step_state"),
        ),
        sa.CheckConstraint(
            "said_by IN (organisation_id, laboratory_id)", name=op.f("ck_sample_step_said_by_party")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "laboratory_id", "sample_id"],
            ["sample.organisation_id", "sample.laboratory_id", "sample.id"],
            name="fk_sample_step_of_sample",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_sample_step_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sample_step")),
    ]


def _test_report() -> None:
    op.create_table("test_report", *_test_report_columns(), *_test_report_constraints())


def _test_report_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("laboratory_id", sa.Uuid(), nullable=False),
        sa.Column("sample_id", sa.Uuid(), nullable=False),
        sa.Column("number", TEXT(), nullable=False),
        sa.Column("code", TEXT(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("method", TEXT(), nullable=False),
        sa.Column("accreditations", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("outcome", TEXT(), nullable=False),
        sa.Column("sha256", TEXT(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
    ]


def _test_report_constraints() -> list[sa.Constraint]:
    return [
        sa.CheckConstraint(
            "outcome IN ('failed', 'no_statement', 'passed')", name=op.f("ck_test_report_outcome")
        ),
        sa.CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name=op.f("ck_test_report_sha256")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "laboratory_id", "sample_id"],
            ["sample.organisation_id", "sample.laboratory_id", "sample.id"],
            name="fk_test_report_of_sample",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_test_report_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_test_report")),
        sa.UniqueConstraint(
            "laboratory_id", "number", name=op.f("uq_test_report_laboratory_id_number")
        ),
        sa.UniqueConstraint("sample_id", name=op.f("uq_test_report_sample_id")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_test_report_token_hash")),
    ]


def _protection() -> Iterator[str]:
    """A report is read by its parties, and by whoever presents its number and code."""
    yield from protect(
        "sample",
        read=PARTIES,
        write=OWN_LABORATORY,
        insert=f"{OWN} AND state = 'registered' AND {BOOKED_THERE}",
        privileges="SELECT, INSERT, UPDATE (state, version, updated_at)",
    )
    yield from protect(
        "sample_step",
        read=PARTIES,
        insert=f"({PARTIES}) AND {own('said_by')}",
        privileges="SELECT, INSERT",
    )
    yield from protect(
        "test_report",
        read=f"{PARTIES} OR {PRESENTED}",
        insert=OWN_LABORATORY,
        privileges="SELECT, INSERT",
    )
    yield from protect(
        "handover",
        read=f"{OWN} OR {OWN_CARRIER}",
        write=OWN,
        insert=f"{OWN_CARRIER} AND confirmed_at IS NULL AND {BOOKED_OF_CARRIER}",
        privileges="SELECT, INSERT, UPDATE (confirmed_by, confirmed_at)",
    )
    moves = ", ".join(f"('{source}', '{target}')" for source, target in MOVES)
    yield FOLLOWS_ITS_LIFE.format(app=APP, moves=moves)
    yield "REVOKE EXECUTE ON FUNCTION sample_follows_its_life() FROM PUBLIC"
    yield (
        "CREATE TRIGGER sample_follows_its_life BEFORE UPDATE ON sample"
        " FOR EACH ROW EXECUTE FUNCTION sample_follows_its_life()"
    )
