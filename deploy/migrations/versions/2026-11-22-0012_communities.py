"""Verification of firms, sites in known parks, and row security narrowed to what each one does."""

from collections.abc import Iterator

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

from services.runtime.database_roles import APP
from services.runtime.row_security import OWN, own, platform, protect

revision = "0012_communities"
down_revision = "0011_devices"
branch_labels = None
depends_on = None

TEXT = sqlmodel.sql.sqltypes.AutoString
OPERATOR = f"park IN (SELECT park.code FROM park WHERE {own('park.organisation_id')})"
REVIEWER = platform("security_admin")
SHARED = ("resource", "offer", "listing")
"""Tables whose rows say in which park they are visible."""


def upgrade() -> None:
    # A table somebody holds must fail the migration, not stop the platform behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    _sites_in_known_parks()
    _one_platform()
    _verification()
    for statement in (
        *_organisation_policies(),
        *_verification_policies(),
        *_invitation_policies(),
        *_community_policies(),
    ):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("decisions about firms would be lost; restore a backup instead")


def _sites_in_known_parks() -> None:
    """Until now a park was any text; a text that is no park's code shares nothing with anybody."""
    unknown = "park IS NOT NULL AND park NOT IN (SELECT code FROM park)"
    for table in ("park", "site", *SHARED):
        # The owner, who migrates, is bound by row security and would find no row to change.
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    for table in SHARED:
        op.execute(
            f"UPDATE {table} SET visibility = 'organisation'"
            f" WHERE visibility = 'park' AND {unknown}"
        )
    for table in ("site", *SHARED):
        op.execute(f"UPDATE {table} SET park = NULL WHERE {unknown}")
    for table in ("park", "site", *SHARED):
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.create_foreign_key(op.f("fk_site_park_park"), "site", "park", ["park"], ["code"])


def _one_platform() -> None:
    op.create_index(
        "uq_organisation_one_platform",
        "organisation",
        ["kind"],
        unique=True,
        postgresql_where=sa.text("kind = 'platform'"),
    )


def _verification() -> None:
    op.create_table(
        "verification",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("name", TEXT(), nullable=False),
        sa.Column("name_zh", TEXT(), nullable=False),
        sa.Column("uscc", TEXT(), nullable=False),
        sa.Column("document_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("requested_by", sa.Uuid(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", TEXT(), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", TEXT(), nullable=True),
        sa.CheckConstraint(
            "state IN ('pending', 'verified', 'rejected', 'withdrawn')",
            name=op.f("ck_verification_state_known"),
        ),
        sa.CheckConstraint(
            "state IN ('pending', 'withdrawn')"
            " OR (decided_by IS NOT NULL AND decided_at IS NOT NULL AND reason <> '')",
            name=op.f("ck_verification_decided_by_somebody"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_verification_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verification")),
        sa.UniqueConstraint(
            "organisation_id", "id", name=op.f("uq_verification_organisation_id_id")
        ),
    )
    op.create_index(
        "uq_verification_one_pending",
        "verification",
        ["organisation_id"],
        unique=True,
        postgresql_where=sa.text("state = 'pending'"),
    )


def _organisation_policies() -> Iterator[str]:
    """Nobody makes a platform or verifies itself; only what is pending is decided, by others."""
    mine = own("id")
    for command in ("insert", "update", "delete"):
        yield f"DROP POLICY organisation_{command} ON organisation"
    yield f"REVOKE UPDATE, DELETE ON organisation FROM {APP}"
    yield f"GRANT UPDATE (name, name_zh, uscc, verification) ON organisation TO {APP}"
    yield (
        f"CREATE POLICY organisation_insert ON organisation FOR INSERT TO {APP}"
        f" WITH CHECK ({mine} AND kind <> 'platform' AND verification = 'unverified')"
    )
    yield (
        f"CREATE POLICY organisation_update ON organisation FOR UPDATE TO {APP}"
        f" USING ({mine}) WITH CHECK ({mine} AND verification IN ('unverified', 'pending'))"
    )
    yield (
        f"CREATE POLICY organisation_decide ON organisation FOR UPDATE TO {APP}"
        f" USING ({REVIEWER} AND verification = 'pending')"
        f" WITH CHECK ({REVIEWER} AND verification IN ('verified', 'rejected'))"
    )


def _verification_policies() -> Iterator[str]:
    yield from protect(
        "verification",
        read=f"({OWN} OR {REVIEWER})",
        insert=f"({OWN} AND state = 'pending')",
        privileges="SELECT, INSERT, UPDATE (state, decided_by, decided_at, reason)",
    )
    yield (
        f"CREATE POLICY verification_withdraw ON verification FOR UPDATE TO {APP}"
        f" USING ({OWN} AND state = 'pending') WITH CHECK ({OWN} AND state = 'withdrawn')"
    )
    yield (
        f"CREATE POLICY verification_decide ON verification FOR UPDATE TO {APP}"
        f" USING ({REVIEWER} AND state = 'pending')"
        f" WITH CHECK ({REVIEWER} AND state IN ('verified', 'rejected'))"
    )


def _invitation_policies() -> Iterator[str]:
    """Who presents a token uses that very invitation up; it makes none and moves none."""
    yield "DROP POLICY invitation_insert ON invitation"
    yield f"CREATE POLICY invitation_insert ON invitation FOR INSERT TO {APP} WITH CHECK ({OWN})"
    yield "DROP POLICY invitation_delete ON invitation"
    yield f"REVOKE UPDATE, DELETE ON invitation FROM {APP}"
    yield f"GRANT UPDATE (accepted_at, revoked_at) ON invitation TO {APP}"


def _community_policies() -> Iterator[str]:
    """An organisation may leave a park; nobody moves a membership from one community to another."""
    yield "DROP POLICY park_member_delete ON park_member"
    yield (
        f"CREATE POLICY park_member_delete ON park_member FOR DELETE TO {APP}"
        f" USING ({OPERATOR} OR {OWN})"
    )
    for table in ("park_member", "space_member"):
        yield f"DROP POLICY {table}_update ON {table}"
        yield f"REVOKE UPDATE ON {table} FROM {APP}"
