"""Enrolment codes and credentials of gateways, each seen by its own organisation."""

import sqlalchemy as sa
from alembic import op

from services.runtime.row_security import OWN, PRESENTED, protect

revision = "0011_devices"
down_revision = "0010_audit"
branch_labels = None
depends_on = None

TABLES = ("gateway_enrolment", "gateway_credential")
PRIVILEGES = "SELECT, INSERT, UPDATE"


def upgrade() -> None:
    # A table somebody holds must fail the migration, not stop the platform behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "gateway_enrolment",
        *_shared("gateway_enrolment"),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("redeemed_at", sa.DateTime(timezone=True), nullable=True),
    )
    op.create_table(
        "gateway_credential",
        *_shared("gateway_credential"),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
    )
    for table in TABLES:
        op.create_index(f"ix_{table}_gateway_id", table, ["gateway_id"])
    enrolment, credential = TABLES
    # Who presents a code belongs to nobody yet; the row of that very code says to whom.
    presented = f"({OWN} OR {PRESENTED})"
    for statement in (
        *protect(enrolment, read=presented, write=presented, insert=OWN, privileges=PRIVILEGES),
        *protect(credential, read=OWN, write=OWN, privileges=PRIVILEGES),
    ):
        op.execute(statement)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)


def _shared(table: str) -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("gateway_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "octet_length(token_hash) = 32", name=op.f(f"ck_{table}_token_hash_is_sha256")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "gateway_id"],
            ["gateway.organisation_id", "gateway.id"],
            name=op.f(f"fk_{table}_organisation_id_gateway_id_gateway"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("token_hash", name=op.f(f"uq_{table}_token_hash")),
        sa.UniqueConstraint("organisation_id", "id", name=op.f(f"uq_{table}_organisation_id_id")),
    ]
