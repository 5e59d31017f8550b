"""Requests for quotation: deals, bids, quotes, messages."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

from services.runtime.database_roles import APP
from services.runtime.deal_rule import dealt_with, within_deal
from services.runtime.row_security import OWN, VISIBLE, own, protect

revision = "0040_deals"
down_revision = "0031_ledger_guards"
branch_labels = None
depends_on = None

TABLES = ("deal", "deal_bid", "deal_quote", "deal_message")
TEXT = sqlmodel.sql.sqltypes.AutoString
OWN_SUPPLIER = own("supplier_id")
MOVES = (
    ("accepted", "settled", "buyer"),
    ("accepted", "settled", "platform"),
    ("awarded", "in_production", "platform"),
    ("awarded", "in_production", "supplier"),
    ("awarded", "withdrawn", "buyer"),
    ("clarify", "expired", "platform"),
    ("clarify", "no_bid", "supplier"),
    ("clarify", "passed_over", "buyer"),
    ("clarify", "published", "buyer"),
    ("clarify", "quoted", "supplier"),
    ("clarify", "withdrawn", "buyer"),
    ("disputed", "settled", "buyer"),
    ("disputed", "settled", "platform"),
    ("disputed", "settled", "supplier"),
    ("draft", "published", "buyer"),
    ("draft", "withdrawn", "buyer"),
    ("expired", "published", "buyer"),
    ("expired", "quoted", "supplier"),
    ("in_production", "disputed", "buyer"),
    ("in_production", "disputed", "supplier"),
    ("in_production", "inspected", "buyer"),
    ("in_production", "settled", "buyer"),
    ("in_production", "settled", "supplier"),
    ("inspected", "accepted", "buyer"),
    ("inspected", "disputed", "buyer"),
    ("inspected", "disputed", "supplier"),
    ("inspected", "in_production", "buyer"),
    ("inspected", "settled", "buyer"),
    ("inspected", "settled", "supplier"),
    ("no_bid", "published", "buyer"),
    ("no_bid", "quoted", "supplier"),
    ("published", "clarify", "buyer"),
    ("published", "clarify", "supplier"),
    ("published", "expired", "platform"),
    ("published", "no_bid", "supplier"),
    ("published", "passed_over", "buyer"),
    ("published", "quoted", "supplier"),
    ("published", "withdrawn", "buyer"),
    ("quoted", "expired", "platform"),
    ("quoted", "no_bid", "supplier"),
    ("quoted", "passed_over", "buyer"),
    ("quoted", "published", "buyer"),
    ("quoted", "shortlisted", "buyer"),
    ("quoted", "withdrawn", "buyer"),
    ("quoted", "withdrawn", "supplier"),
    ("shortlisted", "awarded", "buyer"),
    ("shortlisted", "expired", "platform"),
    ("shortlisted", "passed_over", "buyer"),
    ("shortlisted", "published", "buyer"),
    ("shortlisted", "slot_held", "buyer"),
    ("shortlisted", "withdrawn", "buyer"),
    ("shortlisted", "withdrawn", "supplier"),
    ("slot_held", "awarded", "buyer"),
    ("slot_held", "expired", "platform"),
    ("slot_held", "passed_over", "buyer"),
    ("slot_held", "published", "buyer"),
    ("slot_held", "shortlisted", "buyer"),
    ("slot_held", "shortlisted", "platform"),
    ("slot_held", "withdrawn", "buyer"),
    ("withdrawn", "published", "buyer"),
    ("withdrawn", "quoted", "supplier"),
)
"""From which state to which, and who moves it: ``marketplace.deals.domain.lifecycle``."""
TOLD = (
    ("audit_entry", "INSERT"),
    ("audit_head", "SELECT"),
    ("audit_head", "INSERT"),
    ("audit_head", "UPDATE"),
)
FOLLOWS_ITS_LIFE = """
CREATE FUNCTION deal_follows_its_life() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  caller uuid := nullif(current_setting('app.org', true), '')::uuid;
  mover text := CASE WHEN current_user <> '{app}' THEN 'platform'
                     WHEN caller = NEW.organisation_id THEN 'buyer'
                     WHEN caller = NEW.supplier_id THEN 'supplier'
                     ELSE 'nobody' END;
BEGIN
  IF NEW.state <> OLD.state AND NOT EXISTS (
    SELECT FROM (VALUES {moves}) AS life (source, target, by)
     WHERE life.source = OLD.state AND life.target = NEW.state
       AND (mover = 'platform' OR life.by = mover)) THEN
    RAISE EXCEPTION '% % does not become % by its %', TG_TABLE_NAME, OLD.state, NEW.state, mover
      USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$
"""
"""Whoever is not the HTTP door speaks for either side: the worker follows what both have done."""
JOINS_WHAT_IT_SEES = """
CREATE FUNCTION deal_bid_joins_what_it_sees() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM deal WHERE id = NEW.deal_id) THEN
    RAISE EXCEPTION 'there is no such deal' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NEW;
END $$
"""
"""Row security of both tables asks for the other's; a trigger asks by a statement of its own."""


def upgrade() -> None:
    # A table somebody holds must fail the migration, not stop the platform behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    _deal()
    _bid()
    _quote()
    _message()
    for statement in _protection():
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP POLICY document_deal_read ON document")
    for table, command in TOLD:
        op.execute(f"DROP POLICY {table}_deal_{command.lower()} ON {table}")
    for table in reversed(TABLES):
        op.drop_table(table)
    for function in ("deal_follows_its_life", "deal_bid_joins_what_it_sees"):
        op.execute(f"DROP FUNCTION {function}()")


def _deal() -> None:
    op.create_table("deal", *_deal_columns(), *_deal_constraints())
    op.create_index(
        "ix_deal_due",
        "deal",
        ["closes_at"],
        unique=False,
        postgresql_where=sa.text("state = 'published'"),
    )


def _deal_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("title", TEXT(), nullable=False),
        sa.Column("text", TEXT(), nullable=False),
        sa.Column("lines", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("currency", TEXT(), nullable=False),
        sa.Column("closes_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("needed_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("visibility", TEXT(), nullable=False),
        sa.Column("park", TEXT(), nullable=True),
        sa.Column("space_id", sa.Uuid(), nullable=True),
        sa.Column("blind", sa.Boolean(), nullable=False),
        sa.Column("shown_suppliers", sa.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("demand_id", sa.Uuid(), nullable=True),
        sa.Column("state", TEXT(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
    ]


def _deal_constraints() -> list[sa.Constraint]:
    return [
        sa.CheckConstraint(
            "(visibility = 'park') = (park IS NOT NULL) AND (visibility = 'space') = (space_id IS NOT NULL) AND visibility IN ('organisation', 'park', 'space', 'public')",
            name=op.f("ck_deal_of_one_place"),
        ),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_deal_currency")),
        sa.CheckConstraint(
            "state <> 'draft' OR published_at IS NULL", name=op.f("ck_deal_draft_unpublished")
        ),
        sa.CheckConstraint(
            "state IN ('awarded', 'draft', 'expired', 'published', 'withdrawn')",
            name=op.f("ck_deal_state"),
        ),
        sa.CheckConstraint(
            "NOT blind OR cardinality(shown_suppliers) = 0", name=op.f("ck_deal_blind_shows_nobody")
        ),
        sa.CheckConstraint("revision >= 1 AND version >= 1", name=op.f("ck_deal_counted")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "demand_id"],
            ["demand.organisation_id", "demand.id"],
            name=op.f("fk_deal_organisation_id_demand_id_demand"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_deal_organisation_id_organisation"),
        ),
        sa.ForeignKeyConstraint(["park"], ["park.code"], name=op.f("fk_deal_park_park")),
        sa.ForeignKeyConstraint(["space_id"], ["space.id"], name=op.f("fk_deal_space_id_space")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deal")),
        sa.UniqueConstraint("organisation_id", "id", name=op.f("uq_deal_organisation_id_id")),
    ]


def _bid() -> None:
    op.create_table("deal_bid", *_bid_columns(), *_bid_constraints())
    op.create_index("ix_deal_bid_supplier_id_id", "deal_bid", ["supplier_id", "id"], unique=False)
    op.create_index(
        "uq_deal_bid_awarded_once",
        "deal_bid",
        ["deal_id"],
        unique=True,
        postgresql_where=sa.text("state = 'awarded'"),
    )


def _bid_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("supplier_id", sa.Uuid(), nullable=False),
        sa.Column("deal_id", sa.Uuid(), nullable=False),
        sa.Column("state", TEXT(), nullable=False),
        sa.Column("invited", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("reason", TEXT(), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    ]


def _bid_constraints() -> list[sa.Constraint]:
    return [
        sa.CheckConstraint(
            "state IN ('awarded', 'clarify', 'draft', 'expired', 'no_bid', 'passed_over', 'published', 'quoted', 'shortlisted', 'slot_held', 'withdrawn')",
            name=op.f("ck_deal_bid_state"),
        ),
        sa.CheckConstraint("revision >= 1", name=op.f("ck_deal_bid_revision")),
        sa.CheckConstraint("supplier_id <> organisation_id", name=op.f("ck_deal_bid_of_two")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "deal_id"],
            ["deal.organisation_id", "deal.id"],
            name=op.f("fk_deal_bid_organisation_id_deal_id_deal"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_deal_bid_organisation_id_organisation"),
        ),
        sa.ForeignKeyConstraint(
            ["supplier_id"], ["organisation.id"], name=op.f("fk_deal_bid_supplier_id_organisation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deal_bid")),
        sa.UniqueConstraint("deal_id", "supplier_id", name=op.f("uq_deal_bid_deal_id_supplier_id")),
        sa.UniqueConstraint(
            "organisation_id",
            "supplier_id",
            "id",
            name=op.f("uq_deal_bid_organisation_id_supplier_id_id"),
        ),
    ]


def _quote() -> None:
    op.create_table("deal_quote", *_quote_columns(), *_quote_constraints())
    op.create_index("ix_deal_quote_deal_id_id", "deal_quote", ["deal_id", "id"], unique=False)
    op.create_index(
        "uq_deal_quote_live",
        "deal_quote",
        ["bid_id"],
        unique=True,
        postgresql_where=sa.text("state = 'submitted'"),
    )


def _quote_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("supplier_id", sa.Uuid(), nullable=False),
        sa.Column("deal_id", sa.Uuid(), nullable=False),
        sa.Column("bid_id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", TEXT(), nullable=False),
        sa.Column("currency", TEXT(), nullable=False),
        sa.Column("lines", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("lead_days", sa.Integer(), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("slots", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("milestones", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("note", TEXT(), nullable=False),
        sa.Column("joint_id", sa.Uuid(), nullable=True),
        sa.Column("hold_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    ]


def _quote_constraints() -> list[sa.Constraint]:
    return [
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_deal_quote_currency")),
        sa.CheckConstraint(
            "state IN ('accepted', 'expired', 'lost', 'outdated', 'submitted', 'superseded', 'withdrawn')",
            name=op.f("ck_deal_quote_state"),
        ),
        sa.CheckConstraint(
            "(joint_id IS NULL) = (hold_until IS NULL)", name=op.f("ck_deal_quote_held_until")
        ),
        sa.CheckConstraint(
            "lead_days >= 0 AND version >= 1 AND revision >= 1", name=op.f("ck_deal_quote_counted")
        ),
        sa.CheckConstraint("total_minor > 0", name=op.f("ck_deal_quote_costs_something")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "deal_id"],
            ["deal.organisation_id", "deal.id"],
            name=op.f("fk_deal_quote_organisation_id_deal_id_deal"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "joint_id"],
            ["joint.organisation_id", "joint.id"],
            name=op.f("fk_deal_quote_organisation_id_joint_id_joint"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "supplier_id", "bid_id"],
            ["deal_bid.organisation_id", "deal_bid.supplier_id", "deal_bid.id"],
            name=op.f("fk_deal_quote_organisation_id_supplier_id_bid_id_deal_bid"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_deal_quote_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deal_quote")),
        sa.UniqueConstraint("bid_id", "version", name=op.f("uq_deal_quote_bid_id_version")),
        sa.UniqueConstraint(
            "organisation_id",
            "supplier_id",
            "id",
            name=op.f("uq_deal_quote_organisation_id_supplier_id_id"),
        ),
    ]


def _message() -> None:
    op.create_table("deal_message", *_message_columns(), *_message_constraints())
    op.create_index("ix_deal_message_deal_id_id", "deal_message", ["deal_id", "id"], unique=False)


def _message_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("deal_id", sa.Uuid(), nullable=False),
        sa.Column("supplier_id", sa.Uuid(), nullable=True),
        sa.Column("author_id", sa.Uuid(), nullable=False),
        sa.Column("kind", TEXT(), nullable=False),
        sa.Column("text", TEXT(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    ]


def _message_constraints() -> list[sa.Constraint]:
    return [
        sa.CheckConstraint(
            "(kind = 'notice') = (supplier_id IS NULL)", name=op.f("ck_deal_message_notice_to_all")
        ),
        sa.CheckConstraint(
            "kind IN ('answer', 'notice', 'question')", name=op.f("ck_deal_message_kind")
        ),
        sa.CheckConstraint(
            "author_id = organisation_id OR author_id = supplier_id",
            name=op.f("ck_deal_message_of_a_party"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "deal_id"],
            ["deal.organisation_id", "deal.id"],
            name=op.f("fk_deal_message_organisation_id_deal_id_deal"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_deal_message_organisation_id_organisation"),
        ),
        sa.ForeignKeyConstraint(
            ["supplier_id"],
            ["organisation.id"],
            name=op.f("fk_deal_message_supplier_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deal_message")),
    ]


def _protection() -> Iterator[str]:
    """A request is its buyer's, and for suppliers who were invited or find it open."""
    taking_part = (
        f"EXISTS (SELECT FROM deal_bid WHERE deal_bid.deal_id = deal.id AND {OWN_SUPPLIER}"
        " AND deal_bid.state <> 'draft')"
    )
    yield from protect(
        "deal",
        read=f"{OWN} OR (state <> 'draft' AND {VISIBLE}) OR {taking_part}",
        write=OWN,
        privileges="SELECT, INSERT, UPDATE",
    )
    parties = f"{OWN} OR ({OWN_SUPPLIER} AND state <> 'draft')"
    yield from protect(
        "deal_bid",
        read=parties,
        write=parties,
        insert=f"{OWN} OR ({OWN_SUPPLIER} AND NOT invited AND state = 'published')",
        privileges="SELECT, INSERT, UPDATE (state, revision, reason, asked_at, answered_at,"
        " updated_at)",
    )
    yield from protect(
        "deal_quote",
        read=f"{OWN} OR {OWN_SUPPLIER}",
        write=f"{OWN} OR {OWN_SUPPLIER}",
        insert=OWN_SUPPLIER,
        privileges="SELECT, INSERT, UPDATE (state, joint_id, hold_until)",
    )
    seen = "EXISTS (SELECT FROM deal WHERE deal.id = deal_id)"
    yield from protect(
        "deal_message",
        read=f"{OWN} OR {OWN_SUPPLIER} OR (supplier_id IS NULL AND {seen})",
        insert=f"{own('author_id')} AND ({OWN} OR {OWN_SUPPLIER}) AND {seen}",
        privileges="SELECT, INSERT",
    )
    yield (
        f"CREATE POLICY document_deal_read ON document FOR SELECT TO {APP} USING ({within_deal()})"
    )
    yield from _trail()
    yield from _triggers()


def _trail() -> Iterator[str]:
    """Reading another's document is told in the trail of whose it is, as under an agreement."""
    for table, command in TOLD:
        reads, writes = f" USING ({dealt_with(table)})", f" WITH CHECK ({dealt_with(table)})"
        clauses = {"SELECT": reads, "INSERT": writes, "UPDATE": reads + writes}
        yield (
            f"CREATE POLICY {table}_deal_{command.lower()} ON {table} FOR {command} TO {APP}"
            f"{clauses[command]}"
        )


def _triggers() -> Iterator[str]:
    moves = ", ".join(f"('{source}', '{target}', '{by}')" for source, target, by in MOVES)
    yield FOLLOWS_ITS_LIFE.format(app=APP, moves=moves)
    yield JOINS_WHAT_IT_SEES
    for function in ("deal_follows_its_life", "deal_bid_joins_what_it_sees"):
        yield f"REVOKE EXECUTE ON FUNCTION {function}() FROM PUBLIC"
    yield (
        "CREATE TRIGGER deal_bid_follows_its_life BEFORE UPDATE OF state ON deal_bid"
        " FOR EACH ROW EXECUTE FUNCTION deal_follows_its_life()"
    )
    yield (
        "CREATE TRIGGER deal_bid_joins_what_it_sees BEFORE INSERT ON deal_bid"
        " FOR EACH ROW EXECUTE FUNCTION deal_bid_joins_what_it_sees()"
    )
