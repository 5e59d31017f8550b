"""Drafts of demands: what was said so far, of the own firm alone."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from services.runtime.row_security import OWN, protect

revision = "0117_demand_drafts"
down_revision = "0116_offer_facts"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A table somebody holds must fail the migration, not stop the platform behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "demand_draft",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "jsonb_typeof(body) = 'object'", name=op.f("ck_demand_draft_body_object")
        ),
        sa.CheckConstraint("version >= 1", name=op.f("ck_demand_draft_version_positive")),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_demand_draft_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_demand_draft")),
        sa.UniqueConstraint(
            "organisation_id", "id", name=op.f("uq_demand_draft_organisation_id_id")
        ),
    )
    for statement in protect("demand_draft", read=OWN, write=OWN):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("demand_draft")
