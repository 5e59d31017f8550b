"""First schema: offers, demands, the search projection."""

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007_marketplace"
down_revision = "0006_booking"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A table somebody holds must fail the migration, not stop the platform behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    _offer()
    _demand()
    _search_document()


def downgrade() -> None:
    op.drop_table("search_document")
    op.drop_table("demand")
    op.drop_table("offer")


def _offer() -> None:
    op.create_table(
        "offer",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("direction", sa.Integer(), nullable=False),
        sa.Column("title", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("title_zh", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("resource_ids", sa.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("price", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("visibility", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("state", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(price->>'price_minor')::bigint >= 0", name=op.f("ck_offer_price_not_negative")
        ),
        sa.CheckConstraint("cardinality(resource_ids) > 0", name=op.f("ck_offer_offers_something")),
        sa.CheckConstraint("direction BETWEEN 1 AND 9", name=op.f("ck_offer_direction_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offer")),
    )
    op.create_index("ix_offer_organisation_id_id", "offer", ["organisation_id", "id"], unique=False)


def _demand() -> None:
    op.create_table(
        "demand",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("title", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("process", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("start_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("end_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("material", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("envelope_mm", sa.ARRAY(sa.Integer()), nullable=True),
        sa.Column("tolerance_um", sa.Integer(), nullable=True),
        sa.Column("certificates", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("currency", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("budget_minor", sa.BigInteger(), nullable=True),
        sa.Column("latitude", sa.Float(), nullable=True),
        sa.Column("longitude", sa.Float(), nullable=True),
        sa.Column("radius_km", sa.Integer(), nullable=True),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("measured_only", sa.Boolean(), nullable=False),
        sa.Column("state", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(latitude IS NULL) = (longitude IS NULL)", name=op.f("ck_demand_place_whole")
        ),
        sa.CheckConstraint("budget_minor >= 0", name=op.f("ck_demand_budget_not_negative")),
        sa.CheckConstraint(
            "cardinality(envelope_mm) = 3", name=op.f("ck_demand_envelope_has_three_edges")
        ),
        sa.CheckConstraint(
            "minutes > 0 AND quantity > 0 AND units > 0", name=op.f("ck_demand_asks_something")
        ),
        sa.CheckConstraint("start_at < end_at", name=op.f("ck_demand_window_not_empty")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_demand")),
    )
    op.create_index(
        "ix_demand_organisation_id_id", "demand", ["organisation_id", "id"], unique=False
    )


def _search_document() -> None:
    op.create_table(
        "search_document",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("title", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("title_zh", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("haystack", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("facets", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("lexemes", postgresql.TSVECTOR(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_search_document")),
    )
    op.create_index(
        "ix_search_document_facets",
        "search_document",
        ["facets"],
        unique=False,
        postgresql_using="gin",
    )
    op.create_index(
        "ix_search_document_lexemes",
        "search_document",
        ["lexemes"],
        unique=False,
        postgresql_using="gin",
    )
