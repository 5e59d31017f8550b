"""first schema."""

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

import services.runtime.tables

revision = "1846080209a5"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A table somebody holds must fail the migration, not stop the platform behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")
    op.create_table(
        "booking",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("resource_id", sa.Uuid(), nullable=False),
        sa.Column("offer_id", sa.Uuid(), nullable=True),
        sa.Column("demand_id", sa.Uuid(), nullable=True),
        sa.Column("during", postgresql.TSTZRANGE(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("state", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("hold_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("price_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("at_risk", sa.Boolean(), nullable=False),
        sa.Column("at_risk_reason", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "state <> 'held' OR hold_until IS NOT NULL", name=op.f("ck_booking_hold_has_end")
        ),
        sa.CheckConstraint(
            "state IN ('cancelled', 'confirmed', 'expired', 'finished', 'held', 'no_show', 'started')",
            name=op.f("ck_booking_state"),
        ),
        sa.CheckConstraint(
            "(price_minor IS NULL) = (currency IS NULL)", name=op.f("ck_booking_price_whole")
        ),
        sa.CheckConstraint(
            "NOT isempty(during) AND NOT lower_inf(during) AND NOT upper_inf(during)",
            name=op.f("ck_booking_during_bounded"),
        ),
        sa.CheckConstraint(
            "at_risk = (at_risk_reason IS NOT NULL)", name=op.f("ck_booking_risk_has_reason")
        ),
        sa.CheckConstraint("price_minor >= 0", name=op.f("ck_booking_price_not_negative")),
        sa.CheckConstraint("units >= 1", name=op.f("ck_booking_units")),
        sa.CheckConstraint("version >= 1", name=op.f("ck_booking_version")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_booking")),
    )
    op.create_index(
        "ix_booking_active_resource",
        "booking",
        ["resource_id", "during"],
        unique=False,
        postgresql_using="gist",
        postgresql_where=sa.text("state IN ('confirmed', 'held', 'started')"),
    )
    op.create_index(
        "ix_booking_organisation_id_id", "booking", ["organisation_id", "id"], unique=False
    )
    op.create_index(
        "ix_booking_overdue",
        "booking",
        ["hold_until"],
        unique=False,
        postgresql_where=sa.text("state = 'held'"),
    )
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
    op.create_table(
        "idempotency_key",
        sa.Column("scope", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("key", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("scope", "key", name=op.f("pk_idempotency_key")),
    )
    op.create_table(
        "inbox_entry",
        sa.Column("consumer", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("handled_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("consumer", "event_id", name=op.f("pk_inbox_entry")),
    )
    op.create_table(
        "listing",
        sa.Column("offer_id", sa.Uuid(), nullable=False),
        sa.Column("resource_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("currency", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("per_hour_minor", sa.BigInteger(), nullable=False),
        sa.Column("setup_minor", sa.BigInteger(), nullable=False),
        sa.Column("minimum_minor", sa.BigInteger(), nullable=False),
        sa.Column("visibility", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("processes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("latitude", sa.Float(), nullable=True),
        sa.Column("longitude", sa.Float(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_listing_currency")),
        sa.CheckConstraint(
            "(latitude IS NULL) = (longitude IS NULL)", name=op.f("ck_listing_place_whole")
        ),
        sa.CheckConstraint(
            "per_hour_minor >= 0 AND setup_minor >= 0 AND minimum_minor >= 0",
            name=op.f("ck_listing_price_not_negative"),
        ),
        sa.PrimaryKeyConstraint("offer_id", "resource_id", name=op.f("pk_listing")),
    )
    op.create_index(
        "ix_listing_processes",
        "listing",
        ["processes"],
        unique=False,
        postgresql_using="gin",
        postgresql_where=sa.text("active"),
    )
    op.create_index("ix_listing_resource_id", "listing", ["resource_id"], unique=False)
    op.create_table(
        "match",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("demand_id", sa.Uuid(), nullable=False),
        sa.Column("requirement", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("result", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state_hash", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("took_ms", sa.Float(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("took_ms >= 0", name=op.f("ck_match_took_not_negative")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_match")),
    )
    op.create_index("ix_match_demand_id_id", "match", ["demand_id", "id"], unique=False)
    op.create_table(
        "observation",
        sa.Column("gateway_id", sa.Uuid(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("journal_offset", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("resource_id", sa.Uuid(), nullable=False),
        sa.Column("signal", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("value_text", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("value_number", sa.Float(precision=53), nullable=True),
        sa.Column("value_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("quality", sa.Integer(), nullable=False),
        sa.Column("source_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ingested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("suspect", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "signal IN ('Analog/SpindleLoad', 'Capacity/Job/Id', 'Capacity/Job/PredictedEnd', 'Capacity/Job/PredictionSource', 'Capacity/State', 'Capacity/StateReason', 'Counters/Parts', 'Machine/Execution')",
            name=op.f("ck_observation_signal_known"),
        ),
        sa.CheckConstraint(
            "epoch >= 0 AND journal_offset >= 1", name=op.f("ck_observation_journal_place")
        ),
        sa.CheckConstraint(
            "num_nonnulls(value_text, value_number, value_at) <= 1",
            name=op.f("ck_observation_one_value"),
        ),
        sa.PrimaryKeyConstraint(
            "gateway_id", "epoch", "journal_offset", name=op.f("pk_observation")
        ),
    )
    op.create_index(
        "ix_observation_resource_id_source_at",
        "observation",
        ["resource_id", "source_at"],
        unique=False,
    )
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
    op.create_table(
        "organisation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("name_zh", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("uscc", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('firm', 'lab', 'incubator', 'park_operator', 'university', 'authority', 'investor')",
            name=op.f("ck_organisation_kind_known"),
        ),
        sa.CheckConstraint("name <> '' AND name_zh <> ''", name=op.f("ck_organisation_named")),
        sa.CheckConstraint("uscc ~ '^[0-9A-Z]{18}$'", name=op.f("ck_organisation_uscc_shape")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisation")),
        sa.UniqueConstraint("uscc", name=op.f("uq_organisation_uscc")),
    )
    op.create_table(
        "outbox_event",
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("subject", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "xid",
            services.runtime.tables.Xid8(),
            server_default=sa.text("pg_current_xact_id()"),
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_outbox_event")),
        sa.UniqueConstraint("event_id", name=op.f("uq_outbox_event_event_id")),
    )
    op.create_index(
        "ix_outbox_event_unpublished",
        "outbox_event",
        ["xid", "seq"],
        unique=False,
        postgresql_where=sa.text("published_at IS NULL"),
    )
    op.create_table(
        "parked_event",
        sa.Column("consumer", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("subject", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("cause", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("parked_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("consumer", "event_id", name=op.f("pk_parked_event")),
    )
    op.create_table(
        "quarantine",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("topic", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("payload_bytes", sa.Integer(), nullable=False),
        sa.Column("cause", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "octet_length(payload) <= 65536", name=op.f("ck_quarantine_payload_cut")
        ),
        sa.CheckConstraint(
            "payload_bytes >= octet_length(payload)", name=op.f("ck_quarantine_payload_size")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quarantine")),
    )
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
    op.create_table(
        "site",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("name_zh", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("region_code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("park", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("lat", sa.Float(), nullable=False),
        sa.Column("lon", sa.Float(), nullable=False),
        sa.CheckConstraint("code ~ '^[a-z0-9_-]{1,64}$'", name=op.f("ck_site_code_shape")),
        sa.CheckConstraint("name <> '' AND name_zh <> ''", name=op.f("ck_site_named")),
        sa.CheckConstraint(
            "region_code ~ '^[1-9][0-9]{5}$'", name=op.f("ck_site_region_code_shape")
        ),
        sa.CheckConstraint(
            "lat BETWEEN -90 AND 90 AND lon BETWEEN -180 AND 180", name=op.f("ck_site_on_earth")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_site_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_site")),
        sa.UniqueConstraint("code", name=op.f("uq_site_code")),
    )
    op.create_index(op.f("ix_site_organisation_id"), "site", ["organisation_id"], unique=False)
    op.create_table(
        "gateway",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.Column("edge_node", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.CheckConstraint(
            "edge_node ~ '^[a-z0-9_-]{1,64}$'", name=op.f("ck_gateway_edge_node_shape")
        ),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_gateway_site_id_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gateway")),
        sa.UniqueConstraint("site_id", "edge_node", name=op.f("uq_gateway_site_id_edge_node")),
    )
    op.create_table(
        "resource",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("name_zh", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("timezone", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("setup_minutes", sa.Integer(), nullable=False),
        sa.Column("buffer_before_minutes", sa.Integer(), nullable=False),
        sa.Column("buffer_after_minutes", sa.Integer(), nullable=False),
        sa.Column("notice_minutes", sa.Integer(), nullable=False),
        sa.Column("horizon_days", sa.Integer(), nullable=False),
        sa.Column("minimum_hours", sa.Float(), nullable=False),
        sa.Column("visibility", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind ~ '^[a-z][a-z0-9_]{0,39}$'", name=op.f("ck_resource_kind_shape")),
        sa.CheckConstraint("name <> '' AND name_zh <> ''", name=op.f("ck_resource_named")),
        sa.CheckConstraint(
            "visibility IN ('nda', 'organisation', 'park', 'private', 'public', 'space')",
            name=op.f("ck_resource_visibility_known"),
        ),
        sa.CheckConstraint(
            "horizon_days BETWEEN 1 AND 400", name=op.f("ck_resource_horizon_range")
        ),
        sa.CheckConstraint("minimum_hours > 0", name=op.f("ck_resource_minimum_positive")),
        sa.CheckConstraint(
            "setup_minutes BETWEEN 0 AND 10080 AND buffer_before_minutes BETWEEN 0 AND 10080 AND buffer_after_minutes BETWEEN 0 AND 10080 AND notice_minutes BETWEEN 0 AND 10080",
            name=op.f("ck_resource_minutes_range"),
        ),
        sa.CheckConstraint("units BETWEEN 1 AND 10000", name=op.f("ck_resource_units_range")),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_resource_organisation_id_organisation"),
        ),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_resource_site_id_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_resource")),
    )
    op.create_index("ix_resource_kind_id", "resource", ["kind", "id"], unique=False)
    op.create_index(
        "ix_resource_organisation_id_id", "resource", ["organisation_id", "id"], unique=False
    )
    op.create_index(op.f("ix_resource_site_id"), "resource", ["site_id"], unique=False)
    op.create_table(
        "capability",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("resource_id", sa.Uuid(), nullable=False),
        sa.Column("process", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("materials", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("envelope_mm", postgresql.ARRAY(sa.Integer()), nullable=True),
        sa.Column("tolerance_um", sa.Integer(), nullable=True),
        sa.Column("certificates", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("attributes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint(
            "jsonb_typeof(attributes) = 'object'", name=op.f("ck_capability_attributes_object")
        ),
        sa.CheckConstraint(
            "jsonb_typeof(certificates) = 'array'", name=op.f("ck_capability_certificates_list")
        ),
        sa.CheckConstraint(
            "cardinality(envelope_mm) = 3 AND 0 < ALL (envelope_mm)",
            name=op.f("ck_capability_envelope_is_a_box"),
        ),
        sa.CheckConstraint("tolerance_um > 0", name=op.f("ck_capability_tolerance_positive")),
        sa.ForeignKeyConstraint(
            ["resource_id"], ["resource.id"], name=op.f("fk_capability_resource_id_resource")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_capability")),
    )
    op.create_index("ix_capability_process", "capability", ["process"], unique=False)
    op.create_index(op.f("ix_capability_resource_id"), "capability", ["resource_id"], unique=False)
    op.create_table(
        "gap_withdrawal",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("resource_id", sa.Uuid(), nullable=False),
        sa.Column("during", postgresql.TSTZRANGE(), nullable=False),
        sa.Column("cause", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("restored_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "cause IN ('down', 'maintenance', 'off')", name=op.f("ck_gap_withdrawal_cause_known")
        ),
        sa.CheckConstraint(
            "NOT isempty(during) AND NOT lower_inf(during) AND NOT upper_inf(during)",
            name=op.f("ck_gap_withdrawal_during_bounded"),
        ),
        sa.CheckConstraint(
            "restored_at >= withdrawn_at", name=op.f("ck_gap_withdrawal_restored_later")
        ),
        sa.ForeignKeyConstraint(
            ["resource_id"], ["resource.id"], name=op.f("fk_gap_withdrawal_resource_id_resource")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gap_withdrawal")),
    )
    op.create_index(
        "ix_gap_withdrawal_withdrawn_at_id", "gap_withdrawal", ["withdrawn_at", "id"], unique=False
    )
    op.create_index(
        "uq_gap_withdrawal_open",
        "gap_withdrawal",
        ["resource_id"],
        unique=True,
        postgresql_where=sa.text("restored_at IS NULL"),
    )
    op.create_table(
        "maintenance",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("resource_id", sa.Uuid(), nullable=False),
        sa.Column("during", postgresql.TSTZRANGE(), nullable=False),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.CheckConstraint(
            "NOT isempty(during) AND NOT lower_inf(during) AND NOT upper_inf(during)",
            name=op.f("ck_maintenance_during_bounded"),
        ),
        sa.ForeignKeyConstraint(
            ["resource_id"], ["resource.id"], name=op.f("fk_maintenance_resource_id_resource")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_maintenance")),
    )
    op.create_index(
        "ix_maintenance_during",
        "maintenance",
        ["resource_id", "during"],
        unique=False,
        postgresql_using="gist",
    )
    op.create_table(
        "reservation",
        sa.Column("booking_id", sa.Uuid(), nullable=False),
        sa.Column("resource_id", sa.Uuid(), nullable=False),
        sa.Column("unit", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("during", postgresql.TSTZRANGE(), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.column("resource_id"), "="),
            (sa.column("unit"), "="),
            (sa.column("during"), "&&"),
            using="gist",
            name="ex_reservation_no_overlap",
        ),
        sa.CheckConstraint(
            "NOT isempty(during) AND NOT lower_inf(during) AND NOT upper_inf(during)",
            name=op.f("ck_reservation_during_bounded"),
        ),
        sa.CheckConstraint("unit >= 0", name=op.f("ck_reservation_unit_not_negative")),
        sa.ForeignKeyConstraint(
            ["resource_id"], ["resource.id"], name=op.f("fk_reservation_resource_id_resource")
        ),
        sa.PrimaryKeyConstraint("booking_id", "resource_id", "unit", name=op.f("pk_reservation")),
    )
    op.create_table(
        "resource_state",
        sa.Column("resource_id", sa.Uuid(), nullable=False),
        sa.Column("state", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("source_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("job_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("job_predicted_end", sa.DateTime(timezone=True), nullable=True),
        sa.Column("prediction_source", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("part_count", sa.BigInteger(), nullable=True),
        sa.Column("execution", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("epoch", sa.BigInteger(), nullable=True),
        sa.Column("journal_offset", sa.BigInteger(), nullable=True),
        sa.Column("quality", sa.Integer(), nullable=False),
        sa.Column("reported", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("reported_reason", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column(
            "cursors",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "reported IN ('down', 'executing', 'idle', 'maintenance', 'off', 'setup', 'unknown')",
            name=op.f("ck_resource_state_reported_known"),
        ),
        sa.CheckConstraint(
            "state IN ('down', 'executing', 'idle', 'maintenance', 'off', 'setup', 'unknown')",
            name=op.f("ck_resource_state_state_known"),
        ),
        sa.CheckConstraint("part_count >= 0", name=op.f("ck_resource_state_parts_not_negative")),
        sa.ForeignKeyConstraint(
            ["resource_id"], ["resource.id"], name=op.f("fk_resource_state_resource_id_resource")
        ),
        sa.PrimaryKeyConstraint("resource_id", name=op.f("pk_resource_state")),
    )
    op.create_index(
        "ix_resource_state_seen_at",
        "resource_state",
        ["seen_at"],
        unique=False,
        postgresql_where=sa.text("state <> 'unknown'"),
    )
    op.create_table(
        "state_change",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("resource_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('down', 'executing', 'idle', 'maintenance', 'off', 'setup', 'unknown')",
            name=op.f("ck_state_change_state_known"),
        ),
        sa.ForeignKeyConstraint(
            ["resource_id"], ["resource.id"], name=op.f("fk_state_change_resource_id_resource")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_state_change")),
    )
    op.create_index(
        "ix_state_change_resource_id_at", "state_change", ["resource_id", "at", "id"], unique=False
    )
    op.create_table(
        "twin",
        sa.Column("resource_id", sa.Uuid(), nullable=False),
        sa.Column("gateway_id", sa.Uuid(), nullable=False),
        sa.Column("device", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.ForeignKeyConstraint(
            ["gateway_id"], ["gateway.id"], name=op.f("fk_twin_gateway_id_gateway")
        ),
        sa.ForeignKeyConstraint(
            ["resource_id"], ["resource.id"], name=op.f("fk_twin_resource_id_resource")
        ),
        sa.PrimaryKeyConstraint("resource_id", name=op.f("pk_twin")),
        sa.UniqueConstraint("gateway_id", "device", name=op.f("uq_twin_gateway_id_device")),
    )
    op.create_table(
        "working_calendar",
        sa.Column("resource_id", sa.Uuid(), nullable=False),
        sa.Column("ics", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.ForeignKeyConstraint(
            ["resource_id"], ["resource.id"], name=op.f("fk_working_calendar_resource_id_resource")
        ),
        sa.PrimaryKeyConstraint("resource_id", name=op.f("pk_working_calendar")),
    )


def downgrade() -> None:
    op.drop_table("working_calendar")
    op.drop_table("twin")
    op.drop_index("ix_state_change_resource_id_at", table_name="state_change")
    op.drop_table("state_change")
    op.drop_index(
        "ix_resource_state_seen_at",
        table_name="resource_state",
        postgresql_where=sa.text("state <> 'unknown'"),
    )
    op.drop_table("resource_state")
    op.drop_table("reservation")
    op.drop_index("ix_maintenance_during", table_name="maintenance", postgresql_using="gist")
    op.drop_table("maintenance")
    op.drop_index(
        "uq_gap_withdrawal_open",
        table_name="gap_withdrawal",
        postgresql_where=sa.text("restored_at IS NULL"),
    )
    op.drop_index("ix_gap_withdrawal_withdrawn_at_id", table_name="gap_withdrawal")
    op.drop_table("gap_withdrawal")
    op.drop_index(op.f("ix_capability_resource_id"), table_name="capability")
    op.drop_index("ix_capability_process", table_name="capability")
    op.drop_table("capability")
    op.drop_index(op.f("ix_resource_site_id"), table_name="resource")
    op.drop_index("ix_resource_organisation_id_id", table_name="resource")
    op.drop_index("ix_resource_kind_id", table_name="resource")
    op.drop_table("resource")
    op.drop_table("gateway")
    op.drop_index(op.f("ix_site_organisation_id"), table_name="site")
    op.drop_table("site")
    op.drop_index(
        "ix_search_document_lexemes", table_name="search_document", postgresql_using="gin"
    )
    op.drop_index("ix_search_document_facets", table_name="search_document", postgresql_using="gin")
    op.drop_table("search_document")
    op.drop_table("quarantine")
    op.drop_table("parked_event")
    op.drop_index(
        "ix_outbox_event_unpublished",
        table_name="outbox_event",
        postgresql_where=sa.text("published_at IS NULL"),
    )
    op.drop_table("outbox_event")
    op.drop_table("organisation")
    op.drop_index("ix_offer_organisation_id_id", table_name="offer")
    op.drop_table("offer")
    op.drop_index("ix_observation_resource_id_source_at", table_name="observation")
    op.drop_table("observation")
    op.drop_index("ix_match_demand_id_id", table_name="match")
    op.drop_table("match")
    op.drop_index("ix_listing_resource_id", table_name="listing")
    op.drop_index(
        "ix_listing_processes",
        table_name="listing",
        postgresql_using="gin",
        postgresql_where=sa.text("active"),
    )
    op.drop_table("listing")
    op.drop_table("inbox_entry")
    op.drop_table("idempotency_key")
    op.drop_index("ix_demand_organisation_id_id", table_name="demand")
    op.drop_table("demand")
    op.drop_index(
        "ix_booking_overdue", table_name="booking", postgresql_where=sa.text("state = 'held'")
    )
    op.drop_index("ix_booking_organisation_id_id", table_name="booking")
    op.drop_index(
        "ix_booking_active_resource",
        table_name="booking",
        postgresql_using="gist",
        postgresql_where=sa.text("state IN ('confirmed', 'held', 'started')"),
    )
    op.drop_table("booking")
