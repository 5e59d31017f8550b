"""Rounds: demands pooled in a window, how each came out, and who offered for them."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

from services.runtime.row_security import OWN, VISIBLE, protect

revision = "0019_rounds"
down_revision = "0018_joint"
branch_labels = None
depends_on = None

TABLES = ("clearing_round", "clearing_entry", "clearing_offer")
TEXT = sqlmodel.sql.sqltypes.AutoString
SEEN_ROUND = "EXISTS (SELECT FROM clearing_round WHERE clearing_round.id = round_id)"


def upgrade() -> None:
    # A table somebody holds must fail the migration, not stop the platform behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    _round()
    _entry()
    _offer()
    for statement in _protection():
        op.execute(statement)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)


def _round() -> None:
    op.create_table(
        "clearing_round",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("title", TEXT(), nullable=False),
        sa.Column("visibility", TEXT(), nullable=False),
        sa.Column("park", TEXT(), nullable=True),
        sa.Column("space_id", sa.Uuid(), nullable=True),
        sa.Column("process", TEXT(), nullable=True),
        sa.Column("currency", TEXT(), nullable=False),
        sa.Column("closes_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("patience_windows", sa.Integer(), nullable=False),
        sa.Column("credit_per_window_minor", sa.Integer(), nullable=False),
        sa.Column("credit_max_minor", sa.Integer(), nullable=False),
        sa.Column("state", TEXT(), nullable=False),
        sa.Column("result", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(state = 'open') = (result IS NULL)",
            name=op.f("ck_clearing_round_decided_with_result"),
        ),
        sa.CheckConstraint(
            "(visibility = 'park') = (park IS NOT NULL)"
            " AND (visibility = 'space') = (space_id IS NOT NULL)"
            " AND visibility IN ('park', 'space', 'public')",
            name=op.f("ck_clearing_round_of_one_place"),
        ),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_clearing_round_currency")),
        sa.CheckConstraint(
            "patience_windows >= 0 AND credit_per_window_minor >= 0 AND credit_max_minor >= 0",
            name=op.f("ck_clearing_round_terms_not_negative"),
        ),
        sa.CheckConstraint(
            "state IN ('closed', 'holding', 'open')", name=op.f("ck_clearing_round_state")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_clearing_round_organisation_id_organisation"),
        ),
        sa.ForeignKeyConstraint(["park"], ["park.code"], name=op.f("fk_clearing_round_park_park")),
        sa.ForeignKeyConstraint(
            ["space_id"], ["space.id"], name=op.f("fk_clearing_round_space_id_space")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clearing_round")),
        sa.UniqueConstraint(
            "organisation_id", "id", name=op.f("uq_clearing_round_organisation_id_id")
        ),
    )
    op.create_index(
        "ix_clearing_round_due",
        "clearing_round",
        ["closes_at"],
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index(
        "ix_clearing_round_holding",
        "clearing_round",
        ["id"],
        postgresql_where=sa.text("state = 'holding'"),
    )


def _entry() -> None:
    op.create_table(
        "clearing_entry",
        *_entry_columns(),
        *_entry_checks(),
        sa.ForeignKeyConstraint(
            ["booking_id"], ["booking.id"], name=op.f("fk_clearing_entry_booking_id_booking")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "demand_id"],
            ["demand.organisation_id", "demand.id"],
            name=op.f("fk_clearing_entry_organisation_id_demand_id_demand"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_clearing_entry_organisation_id_organisation"),
        ),
        sa.ForeignKeyConstraint(
            ["round_id"],
            ["clearing_round.id"],
            name=op.f("fk_clearing_entry_round_id_clearing_round"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clearing_entry")),
        sa.UniqueConstraint(
            "organisation_id", "id", name=op.f("uq_clearing_entry_organisation_id_id")
        ),
        sa.UniqueConstraint(
            "round_id", "demand_id", name=op.f("uq_clearing_entry_round_id_demand_id")
        ),
    )
    op.create_index(
        "uq_clearing_entry_pooled_once",
        "clearing_entry",
        ["demand_id"],
        unique=True,
        postgresql_where=sa.text("outcome NOT IN ('held', 'unserved')"),
    )
    op.create_index("uq_clearing_entry_booking_id", "clearing_entry", ["booking_id"], unique=True)
    op.create_index(
        "ix_clearing_entry_ongoing",
        "clearing_entry",
        ["round_id", "place"],
        postgresql_where=sa.text("outcome IN ('displaced', 'left_out', 'planned')"),
    )
    op.create_index(
        "ix_clearing_entry_organisation_id_round_id",
        "clearing_entry",
        ["organisation_id", "round_id"],
    )


def _entry_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("round_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("demand_id", sa.Uuid(), nullable=False),
        sa.Column("outcome", TEXT(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("reason", TEXT(), nullable=True),
        sa.Column("offer_id", sa.Uuid(), nullable=True),
        sa.Column("resource_id", sa.Uuid(), nullable=True),
        sa.Column("within", postgresql.TSTZRANGE(), nullable=True),
        sa.Column("options", sa.Integer(), nullable=True),
        sa.Column("booking_id", sa.Uuid(), nullable=True),
        sa.Column("price_minor", sa.BigInteger(), nullable=True),
        sa.Column("scarcity_minor", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    ]


def _entry_checks() -> list[sa.CheckConstraint]:
    return [
        sa.CheckConstraint(
            "(outcome = 'held') = (booking_id IS NOT NULL)",
            name=op.f("ck_clearing_entry_held_by_booking"),
        ),
        sa.CheckConstraint(
            "(outcome = 'unserved') = (reason IS NOT NULL)",
            name=op.f("ck_clearing_entry_unserved_for_reason"),
        ),
        sa.CheckConstraint(
            "outcome <> 'planned' OR (offer_id IS NOT NULL AND resource_id IS NOT NULL"
            " AND within IS NOT NULL)",
            name=op.f("ck_clearing_entry_planned_whole"),
        ),
        sa.CheckConstraint(
            "outcome IN ('displaced', 'held', 'left_out', 'planned', 'unserved', 'waiting')",
            name=op.f("ck_clearing_entry_outcome"),
        ),
    ]


def _offer() -> None:
    op.create_table(
        "clearing_offer",
        sa.Column("round_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("taken", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_clearing_offer_organisation_id_organisation"),
        ),
        sa.ForeignKeyConstraint(
            ["round_id"],
            ["clearing_round.id"],
            name=op.f("fk_clearing_offer_round_id_clearing_round"),
        ),
        sa.PrimaryKeyConstraint("round_id", "organisation_id", name=op.f("pk_clearing_offer")),
    )
    op.create_index(
        "ix_clearing_offer_organisation_id_round_id",
        "clearing_offer",
        ["organisation_id", "round_id"],
    )


def _protection() -> Iterator[str]:
    """Requests open rounds, end them and pool in them; only the worker decides and holds."""
    yield from protect(
        "clearing_round",
        read=VISIBLE,
        write=f"{OWN} AND state = 'open'",
        privileges="SELECT, INSERT, UPDATE (closes_at)",
    )
    waiting = f"{OWN} AND outcome = 'waiting'"
    yield from protect(
        "clearing_entry",
        read=OWN,
        write=waiting,
        insert=f"{waiting} AND {SEEN_ROUND}",
        privileges="SELECT, INSERT, DELETE",
    )
    yield from protect("clearing_offer", read=OWN, privileges="SELECT")
