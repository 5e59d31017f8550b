"""Financing: applications to banks and funds, consents, and the evidence they show."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
import sqlmodel
from alembic import op

from services.runtime.database_roles import APP
from services.runtime.row_security import OWN, own, protect

revision = "0072_finance"
down_revision = "0071_feeds"
branch_labels = None
depends_on = None

TABLES = ("financing_application", "financing_consent", "financing_evidence")
TEXT = sqlmodel.sql.sqltypes.AutoString
OWN_RECIPIENT = own("recipient_id")
PARTIES = f"{OWN} OR {OWN_RECIPIENT}"
CONSENTED = """EXISTS (SELECT FROM financing_consent AS given
 WHERE given.id = consent_id AND given.revoked_at IS NULL AND given.expires_at > now())"""
NAMED = """EXISTS (SELECT FROM financing_consent AS given
 WHERE given.id = consent_id AND item = ANY (given.items))"""
MOVES = (
    ("offered", "accepted", "applicant"),
    ("offered", "withdrawn", "applicant"),
    ("requested", "declined", "recipient"),
    ("requested", "under_review", "recipient"),
    ("requested", "withdrawn", "applicant"),
    ("under_review", "declined", "recipient"),
    ("under_review", "offered", "recipient"),
    ("under_review", "withdrawn", "applicant"),
)
"""From which state to which, and who moves it: ``marketplace.finance.domain.LIFE``."""
TOLD = (
    ("audit_entry", "INSERT"),
    ("audit_head", "SELECT"),
    ("audit_head", "INSERT"),
    ("audit_head", "UPDATE"),
)
FOLLOWS_ITS_LIFE = """
CREATE FUNCTION financing_follows_its_life() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  caller uuid := nullif(current_setting('app.org', true), '')::uuid;
  mover text := CASE WHEN current_user <> '{app}' THEN 'platform'
                     WHEN caller = NEW.organisation_id THEN 'applicant'
                     WHEN caller = NEW.recipient_id THEN 'recipient'
                     ELSE 'nobody' END;
BEGIN
  IF NEW.state <> OLD.state AND NOT EXISTS (
    SELECT FROM (VALUES {moves}) AS life (source, target, by)
     WHERE life.source = OLD.state AND life.target = NEW.state
       AND (mover = 'platform' OR life.by = mover)) THEN
    RAISE EXCEPTION 'an application % does not become % by its %', OLD.state, NEW.state, mover
      USING ERRCODE = 'check_violation';
  END IF;
  IF mover = 'applicant' AND (NEW.offered_minor, NEW.offered_rate, NEW.offered_months)
     IS DISTINCT FROM (OLD.offered_minor, OLD.offered_rate, OLD.offered_months) THEN
    RAISE EXCEPTION 'the applicant does not set what it is offered'
      USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$
"""


def upgrade() -> None:
    # A table somebody holds must fail the migration, not stop the platform behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    _application()
    _consent()
    _evidence()
    for statement in (*_protection(), *_trail()):
        op.execute(statement)


def downgrade() -> None:
    for table, command in TOLD:
        op.execute(f"DROP POLICY {table}_financing_{command.lower()} ON {table}")
    for table in reversed(TABLES):
        op.drop_table(table)
    op.execute("DROP FUNCTION financing_follows_its_life()")


def _application() -> None:
    op.create_table("financing_application", *_application_columns(), *_application_constraints())
    op.create_index(
        "ix_financing_application_organisation_id_id",
        "financing_application",
        ["organisation_id", "id"],
        unique=False,
    )
    op.create_index(
        "ix_financing_application_recipient_id_id",
        "financing_application",
        ["recipient_id", "id"],
        unique=False,
    )
    op.create_index(
        "uq_financing_application_accepted",
        "financing_application",
        ["request_id"],
        unique=True,
        postgresql_where=sa.text("state = 'accepted'"),
    )


def _application_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("recipient_id", sa.Uuid(), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("kind", TEXT(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", TEXT(), nullable=False),
        sa.Column("months", sa.Integer(), nullable=False),
        sa.Column("purpose", TEXT(), nullable=False),
        sa.Column("state", TEXT(), nullable=False),
        sa.Column("offered_minor", sa.BigInteger(), nullable=True),
        sa.Column("offered_rate", sa.Integer(), nullable=True),
        sa.Column("offered_months", sa.Integer(), nullable=True),
        sa.Column("remark", TEXT(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    ]


def _application_constraints() -> list[sa.Constraint]:
    return [
        sa.CheckConstraint(
            "(offered_minor IS NULL) = (offered_rate IS NULL) AND (offered_minor IS NULL) = (offered_months IS NULL) AND (state NOT IN ('offered', 'accepted') OR offered_minor > 0)",
            name=op.f("ck_financing_application_offered_whole"),
        ),
        sa.CheckConstraint(
            "currency ~ '^[A-Z]{3}$'", name=op.f("ck_financing_application_currency")
        ),
        sa.CheckConstraint(
            "kind IN ('equipment_lease', 'ip_pledge', 'order_finance', 'risk_pool', 'working_capital')",
            name=op.f("ck_financing_application_kind"),
        ),
        sa.CheckConstraint(
            "state IN ('accepted', 'declined', 'offered', 'requested', 'under_review', 'withdrawn')",
            name=op.f("ck_financing_application_state"),
        ),
        sa.CheckConstraint(
            "amount_minor > 0 AND months > 0 AND version >= 1",
            name=op.f("ck_financing_application_counted"),
        ),
        sa.CheckConstraint(
            "organisation_id <> recipient_id", name=op.f("ck_financing_application_of_two")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_financing_application_organisation_id_organisation"),
        ),
        sa.ForeignKeyConstraint(
            ["recipient_id"],
            ["organisation.id"],
            name=op.f("fk_financing_application_recipient_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_financing_application")),
        sa.UniqueConstraint(
            "organisation_id",
            "recipient_id",
            "id",
            name=op.f("uq_financing_application_organisation_id_recipient_id_id"),
        ),
        sa.UniqueConstraint(
            "request_id",
            "recipient_id",
            name=op.f("uq_financing_application_request_id_recipient_id"),
        ),
    ]


def _consent() -> None:
    op.create_table("financing_consent", *_consent_columns(), *_consent_constraints())
    op.create_index(
        "ix_financing_consent_application_id_id",
        "financing_consent",
        ["application_id", "id"],
        unique=False,
    )


def _consent_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("recipient_id", sa.Uuid(), nullable=False),
        sa.Column("application_id", sa.Uuid(), nullable=False),
        sa.Column("items", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
    ]


def _consent_constraints() -> list[sa.Constraint]:
    return [
        sa.CheckConstraint(
            "cardinality(items) > 0", name=op.f("ck_financing_consent_of_something")
        ),
        sa.CheckConstraint("expires_at > created_at", name=op.f("ck_financing_consent_for_a_time")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "recipient_id", "application_id"],
            [
                "financing_application.organisation_id",
                "financing_application.recipient_id",
                "financing_application.id",
            ],
            name=op.f("fk_financing_consent_of_application"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_financing_consent_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_financing_consent")),
        sa.UniqueConstraint(
            "organisation_id",
            "recipient_id",
            "id",
            name=op.f("uq_financing_consent_organisation_id_recipient_id_id"),
        ),
    ]


def _evidence() -> None:
    op.create_table("financing_evidence", *_evidence_columns(), *_evidence_constraints())
    op.create_index(
        "ix_financing_evidence_consent_id_id",
        "financing_evidence",
        ["consent_id", "id"],
        unique=False,
    )


def _evidence_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("recipient_id", sa.Uuid(), nullable=False),
        sa.Column("consent_id", sa.Uuid(), nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
        sa.Column("item", TEXT(), nullable=False),
        sa.Column("period", TEXT(), nullable=True),
        sa.Column("currency", TEXT(), nullable=True),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("rows_sha256", TEXT(), nullable=False),
    ]


def _evidence_constraints() -> list[sa.Constraint]:
    return [
        sa.CheckConstraint(
            "item IN ('disputes', 'on_time', 'open_escrow', 'settled_value')",
            name=op.f("ck_financing_evidence_item"),
        ),
        sa.CheckConstraint("rows >= 0", name=op.f("ck_financing_evidence_rows_not_negative")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "recipient_id", "consent_id"],
            [
                "financing_consent.organisation_id",
                "financing_consent.recipient_id",
                "financing_consent.id",
            ],
            name=op.f("fk_financing_evidence_of_consent"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_financing_evidence_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_financing_evidence")),
    ]


def _protection() -> Iterator[str]:
    """Evidence is shown to its recipient while, and only while, a consent is in force."""
    yield from protect(
        "financing_application",
        read=PARTIES,
        write=PARTIES,
        insert=f"{OWN} AND state = 'requested'",
        privileges="SELECT, INSERT, UPDATE (state, offered_minor, offered_rate, offered_months,"
        " remark, version, updated_at)",
    )
    yield from protect(
        "financing_consent",
        read=PARTIES,
        write=OWN,
        privileges="SELECT, INSERT, UPDATE (revoked_at)",
    )
    yield from protect(
        "financing_evidence",
        read=f"{OWN} OR ({OWN_RECIPIENT} AND {CONSENTED})",
        insert=f"{OWN} AND {NAMED}",
        privileges="SELECT, INSERT",
    )
    moves = ", ".join(f"('{source}', '{target}', '{by}')" for source, target, by in MOVES)
    yield FOLLOWS_ITS_LIFE.format(app=APP, moves=moves)
    yield "REVOKE EXECUTE ON FUNCTION financing_follows_its_life() FROM PUBLIC"
    yield (
        "CREATE TRIGGER financing_follows_its_life BEFORE UPDATE ON financing_application"
        " FOR EACH ROW EXECUTE FUNCTION financing_follows_its_life()"
    )


def _trail() -> Iterator[str]:
    """That evidence was read is told in the trail of whose it is."""
    for table, command in TOLD:
        shared = (
            f"EXISTS (SELECT FROM financing_application AS asked WHERE {own('asked.recipient_id')}"
            f" AND asked.organisation_id = {table}.organisation_id)"
        )
        reads, writes = f" USING ({shared})", f" WITH CHECK ({shared})"
        clauses = {"SELECT": reads, "INSERT": writes, "UPDATE": reads + writes}
        yield (
            f"CREATE POLICY {table}_financing_{command.lower()} ON {table} FOR {command} TO {APP}"
            f"{clauses[command]}"
        )
