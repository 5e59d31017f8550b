"""Directions are data: any number may be open, and offers say what their direction lets be said."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0050_directions"
down_revision = "0022_reliability"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A table somebody holds must fail the migration, not stop the platform behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_constraint(op.f("ck_offer_direction_known"), "offer", type_="check")
    op.create_check_constraint(op.f("ck_offer_direction_known"), "offer", "direction >= 1")
    op.add_column(
        "offer",
        sa.Column(
            "attributes",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
    )
    op.create_check_constraint(
        op.f("ck_offer_attributes_object"), "offer", "jsonb_typeof(attributes) = 'object'"
    )
    op.create_index("ix_offer_direction_id", "offer", ["direction", "id"])


def downgrade() -> None:
    op.drop_index("ix_offer_direction_id", table_name="offer")
    op.drop_constraint(op.f("ck_offer_attributes_object"), "offer", type_="check")
    op.drop_column("offer", "attributes")
    op.drop_constraint(op.f("ck_offer_direction_known"), "offer", type_="check")
    op.create_check_constraint(
        op.f("ck_offer_direction_known"), "offer", "direction BETWEEN 1 AND 9"
    )
