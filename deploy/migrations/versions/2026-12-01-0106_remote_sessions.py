"""Remote sessions: granted one by one, time-boxed, with a log that is only added to."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

from services.runtime.row_security import OWN, own, protect

revision = "0106_remote_sessions"
down_revision = "0105_service_contracts"
branch_labels = None
depends_on = None

TABLES = ("remote_session", "remote_session_entry")
TEXT = sqlmodel.sql.sqltypes.AutoString
OWN_PROVIDER = own("provider_id")
PARTIES = f"{OWN} OR {OWN_PROVIDER}"
OPEN_SESSION = """EXISTS (SELECT FROM remote_session AS looked
 WHERE looked.id = session_id AND looked.state = 'granted' AND at < looked.expires_at)"""


def upgrade() -> None:
    # A table somebody holds must fail the migration, not stop the platform behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    _remote_session()
    _remote_session_entry()
    for statement in _protection():
        op.execute(statement)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)


def _remote_session() -> None:
    op.create_table("remote_session", *_remote_session_columns(), *_remote_session_constraints())
    op.create_index(
        "ix_remote_session_order_id_id", "remote_session", ["order_id", "id"], unique=False
    )


def _remote_session_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", TEXT(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("state", TEXT(), nullable=False),
        sa.Column("requested_by", sa.Uuid(), nullable=True),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
    ]


def _remote_session_constraints() -> list[sa.Constraint]:
    return [
        sa.CheckConstraint(
            "(state <> 'granted' OR expires_at IS NOT NULL) AND expires_at > decided_at",
            name=op.f("ck_remote_session_time_boxed"),
        ),
        sa.CheckConstraint(
            "state IN ('ended', 'granted', 'refused', 'requested')",
            name=op.f("ck_remote_session_state"),
        ),
        sa.CheckConstraint("minutes > 0", name=op.f("ck_remote_session_for_a_time")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "provider_id", "order_id"],
            ["work_order.organisation_id", "work_order.provider_id", "work_order.id"],
            name="fk_remote_session_of_work_order",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_remote_session_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_remote_session")),
        sa.UniqueConstraint(
            "organisation_id",
            "provider_id",
            "id",
            name=op.f("uq_remote_session_organisation_id_provider_id_id"),
        ),
    ]


def _remote_session_entry() -> None:
    op.create_table(
        "remote_session_entry",
        *_remote_session_entry_columns(),
        *_remote_session_entry_constraints(),
    )
    op.create_index(
        "ix_remote_session_entry_session_id_id",
        "remote_session_entry",
        ["session_id", "id"],
        unique=False,
    )


def _remote_session_entry_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("kind", TEXT(), nullable=False),
        sa.Column("party", TEXT(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "shown", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True
        ),
    ]


def _remote_session_entry_constraints() -> list[sa.Constraint]:
    return [
        sa.CheckConstraint(
            "(kind = 'viewed') = (shown IS NOT NULL)", name=op.f("ck_remote_session_entry_shown")
        ),
        sa.CheckConstraint(
            "kind IN ('ended', 'granted', 'refused', 'requested', 'viewed')",
            name=op.f("ck_remote_session_entry_kind"),
        ),
        sa.CheckConstraint(
            "party IN ('owner', 'provider')", name=op.f("ck_remote_session_entry_party")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "provider_id", "session_id"],
            ["remote_session.organisation_id", "remote_session.provider_id", "remote_session.id"],
            name="fk_remote_session_entry_of_remote_session",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_remote_session_entry_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_remote_session_entry")),
    ]


def _protection() -> Iterator[str]:
    """Both parties read; a look is only within the time its owner consented to."""
    yield from protect(
        "remote_session",
        read=PARTIES,
        write=PARTIES,
        insert=f"{OWN_PROVIDER} AND state = 'requested'",
        privileges="SELECT, INSERT, UPDATE (state, decided_by, decided_at, expires_at, ended_at)",
    )
    by_party = f"({OWN} AND party = 'owner') OR ({OWN_PROVIDER} AND party = 'provider')"
    yield from protect(
        "remote_session_entry",
        read=PARTIES,
        insert=f"({by_party}) AND (kind <> 'viewed' OR {OPEN_SESSION})",
        privileges="SELECT, INSERT",
    )
    yield (
        "CREATE TRIGGER remote_session_follows_its_life BEFORE UPDATE ON remote_session"
        " FOR EACH ROW EXECUTE FUNCTION service_follows_its_life()"
    )
