"""Directions are data: any number may be open, and offers say what their direction lets be said."""

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

from services.runtime.row_security import OWN, protect

revision = "0050_directions"
down_revision = "0042_deal_facts"
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
    op.add_column(
        "offer",
        sa.Column(
            "engage",
            sqlmodel.sql.sqltypes.AutoString(),
            server_default="book",
            nullable=False,
        ),
    )
    op.create_check_constraint(
        op.f("ck_offer_engage_known"), "offer", "engage IN ('book', 'request')"
    )
    _versions()


def _versions() -> None:
    op.create_table(
        "offer_version",
        sa.Column("offer_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("title", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("title_zh", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("price", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("attributes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("version >= 1", name=op.f("ck_offer_version_version_positive")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "offer_id"],
            ["offer.organisation_id", "offer.id"],
            name=op.f("fk_offer_version_organisation_id_offer_id_offer"),
        ),
        sa.PrimaryKeyConstraint("offer_id", "version", name=op.f("pk_offer_version")),
    )
    op.execute(
        "INSERT INTO offer_version"
        " (offer_id, version, organisation_id, title, title_zh, price, attributes, since)"
        " SELECT id, version, organisation_id, title, title_zh, price, attributes, updated_at"
        " FROM offer"
    )
    # What was said is never changed.
    for statement in protect("offer_version", read=OWN, insert=OWN, privileges="SELECT, INSERT"):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("offer_version")
    op.drop_constraint(op.f("ck_offer_engage_known"), "offer", type_="check")
    op.drop_column("offer", "engage")
    op.drop_index("ix_offer_direction_id", table_name="offer")
    op.drop_constraint(op.f("ck_offer_attributes_object"), "offer", type_="check")
    op.drop_column("offer", "attributes")
    op.drop_constraint(op.f("ck_offer_direction_known"), "offer", type_="check")
    op.create_check_constraint(
        op.f("ck_offer_direction_known"), "offer", "direction BETWEEN 1 AND 9"
    )
