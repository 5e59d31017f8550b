"""Calendar feeds: secret addresses, of which only hashes are kept."""

from collections.abc import Iterator

import sqlalchemy as sa
import sqlmodel
from alembic import op

from services.runtime.row_security import OF_VISIBLE_RESOURCE, OWN, PRESENTED, protect

revision = "0071_feeds"
down_revision = "0061_programmes"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A table somebody holds must fail the migration, not stop the platform behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    _feed()
    for statement in _protection():
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("calendar_feed")


def _feed() -> None:
    op.create_table(
        "calendar_feed",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("resource_id", sa.Uuid(), nullable=True),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "octet_length(token_hash) = 32", name=op.f("ck_calendar_feed_token_hashed")
        ),
        sa.CheckConstraint("length(name) BETWEEN 1 AND 120", name=op.f("ck_calendar_feed_named")),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_calendar_feed_organisation_id_organisation"),
        ),
        sa.ForeignKeyConstraint(
            ["resource_id"], ["resource.id"], name=op.f("fk_calendar_feed_resource_id_resource")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calendar_feed")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_calendar_feed_token_hash")),
    )
    op.create_index(
        "ix_calendar_feed_organisation_id_id", "calendar_feed", ["organisation_id", "id"]
    )


def _protection() -> Iterator[str]:
    """Its organisation sees a feed, and whoever presents its token while it is open."""
    yield from protect(
        "calendar_feed",
        read=f"{OWN} OR (revoked_at IS NULL AND {PRESENTED})",
        write=OWN,
        insert=f"{OWN} AND (resource_id IS NULL OR {OF_VISIBLE_RESOURCE})",
        privileges="SELECT, INSERT, UPDATE (revoked_at)",
    )
