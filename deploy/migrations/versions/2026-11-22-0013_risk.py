"""Risk notices, their delivery, and what is collected for them."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

from services.runtime.database_roles import APP
from services.runtime.row_security import MANAGES, OWN, actor, own, platform, protect

revision = "0013_risk"
down_revision = "0012_communities"
branch_labels = None
depends_on = None

TABLES = (
    "risk_counter",
    "risk_import",
    "risk_notice",
    "risk_delivery",
    "risk_report",
    "risk_finding",
)
TEXT = sqlmodel.sql.sqltypes.AutoString
SECURITY = platform("security_admin")
SIGNED_IN = "(SELECT nullif(current_setting('app.org', true), '') IS NOT NULL)"
VERIFIED = f"EXISTS (SELECT FROM organisation WHERE {own('organisation.id')} AND verification = 'verified')"
AUTHORITY = (
    f"EXISTS (SELECT FROM organisation WHERE {own('organisation.id')} AND kind = 'authority')"
)
OPERATED = f"park IN (SELECT park.code FROM park WHERE {own('park.organisation_id')})"
ACTOR = "(SELECT nullif(current_setting('app.actor', true), '')::uuid)"
NAMED = f"(cardinality(person_ids) = 0 OR {ACTOR} = ANY (person_ids))"
RECEIVED = f"({OWN} AND delivered_at <= now() AND {NAMED})"
ADDRESSED = (
    "EXISTS (SELECT FROM risk_delivery WHERE risk_delivery.notice_id = risk_notice.id AND "
    + RECEIVED.replace("organisation_id", "risk_delivery.organisation_id").replace(
        "delivered_at", "risk_delivery.delivered_at"
    )
    + ")"
)
TOLD = f"""(
    state IN ('released', 'superseded', 'withdrawn') AND released_at IS NOT NULL
    AND delivered_at <= now() AND (embargo_until IS NULL OR embargo_until <= now())
    AND (
        (tlp = 'clear' AND {SIGNED_IN})
        OR (tlp = 'green' AND {VERIFIED})
        OR {ADDRESSED}
    )
)"""
WRITTEN = (
    "title",
    "title_zh",
    "kind",
    "severity",
    "cvss_vector",
    "cvss_score",
    "tlp",
    "embargo_until",
    "products",
    "identifiers",
    "description",
    "remediation",
    "cited",
    "addressing",
    "supersedes_id",
)
STEPS = (
    "state",
    "authors",
    "approved_by",
    "approved_at",
    "released_by",
    "released_at",
    "withdrawn_reason",
    "updated_at",
    "version",
)


def upgrade() -> None:
    # A table somebody holds must fail the migration, not stop the platform behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    _counter()
    _import()
    _notice()
    _delivery()
    _report()
    _finding()
    for statement in (*_steps(), *_notice_protection(), *_protection()):
        op.execute(statement)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
    op.execute("DROP FUNCTION risk_notice_steps()")


def _counter() -> None:
    op.create_table(
        "risk_counter",
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "last BETWEEN 1 AND 99999", name=op.f("ck_risk_counter_within_the_number")
        ),
        sa.PrimaryKeyConstraint("year", name=op.f("pk_risk_counter")),
    )


def _import() -> None:
    op.create_table(
        "risk_import",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("imported_by", sa.Uuid(), nullable=False),
        sa.Column("format", TEXT(), nullable=False),
        sa.Column("state", TEXT(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("problems", postgresql.JSONB(), nullable=False),
        sa.Column("notice_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("kept", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(state = 'quarantined') = (kept IS NOT NULL) AND (state = 'quarantined') = (jsonb_array_length(problems) > 0)",
            name=op.f("ck_risk_import_quarantined_with_cause"),
        ),
        sa.CheckConstraint("format IN ('csv', 'csaf')", name=op.f("ck_risk_import_format_known")),
        sa.CheckConstraint(
            "state IN ('imported', 'quarantined')", name=op.f("ck_risk_import_state_known")
        ),
        sa.CheckConstraint("octet_length(sha256) = 32", name=op.f("ck_risk_import_sha256_whole")),
        sa.CheckConstraint(
            "size >= coalesce(octet_length(kept), 0)", name=op.f("ck_risk_import_kept_is_a_part")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_risk_import_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_risk_import")),
        sa.UniqueConstraint(
            "organisation_id", "id", name=op.f("uq_risk_import_organisation_id_id")
        ),
    )
    op.create_index(
        "ix_risk_import_organisation_id_created_at",
        "risk_import",
        ["organisation_id", "created_at"],
    )
    op.create_index(
        "uq_risk_import_once",
        "risk_import",
        ["organisation_id", "sha256"],
        unique=True,
        postgresql_where=sa.text("state = 'imported'"),
    )


def _notice() -> None:
    op.create_table(
        "risk_notice",
        *_notice_columns(),
        *_notice_checks(),
        sa.ForeignKeyConstraint(
            ["organisation_id", "supersedes_id"],
            ["risk_notice.organisation_id", "risk_notice.id"],
            name=op.f("fk_risk_notice_organisation_id_supersedes_id_risk_notice"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_risk_notice_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_risk_notice")),
        sa.UniqueConstraint(
            "organisation_id", "id", name=op.f("uq_risk_notice_organisation_id_id")
        ),
        sa.UniqueConstraint("year", "serial", name=op.f("uq_risk_notice_year_serial")),
    )
    op.create_index(
        "ix_risk_notice_undelivered",
        "risk_notice",
        ["released_at"],
        postgresql_where=sa.text("state = 'released' AND delivered_at IS NULL"),
    )


def _notice_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("serial", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("title", TEXT(), nullable=False),
        sa.Column("title_zh", TEXT(), nullable=False),
        sa.Column("kind", TEXT(), nullable=False),
        sa.Column("severity", TEXT(), nullable=False),
        sa.Column("cvss_vector", TEXT(), nullable=True),
        sa.Column("cvss_score", sa.Numeric(precision=3, scale=1), nullable=True),
        sa.Column("tlp", TEXT(), nullable=False),
        sa.Column("embargo_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("products", postgresql.JSONB(), nullable=False),
        sa.Column("identifiers", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("description", TEXT(), nullable=False),
        sa.Column("remediation", TEXT(), nullable=False),
        sa.Column("cited", postgresql.JSONB(), nullable=False),
        sa.Column("addressing", postgresql.JSONB(), nullable=False),
        sa.Column("supersedes_id", sa.Uuid(), nullable=True),
        sa.Column("state", TEXT(), nullable=False),
        sa.Column("source", TEXT(), nullable=False),
        sa.Column("authors", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("approved_by", sa.Uuid(), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("released_by", sa.Uuid(), nullable=True),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_reason", TEXT(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
    ]


def _notice_checks() -> list[sa.CheckConstraint]:
    return [
        sa.CheckConstraint(
            "kind IN ('vulnerability', 'misconfiguration', 'incident', 'advisory')",
            name=op.f("ck_risk_notice_kind_known"),
        ),
        sa.CheckConstraint(
            "severity IN ('none', 'low', 'medium', 'high', 'critical')",
            name=op.f("ck_risk_notice_severity_known"),
        ),
        sa.CheckConstraint(
            "source IN ('written', 'report', 'csv', 'csaf')",
            name=op.f("ck_risk_notice_source_known"),
        ),
        sa.CheckConstraint(
            "state IN ('draft', 'submitted', 'released', 'withdrawn', 'superseded')",
            name=op.f("ck_risk_notice_state_known"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('released', 'superseded') OR released_by IS NOT NULL",
            name=op.f("ck_risk_notice_released_by_somebody"),
        ),
        sa.CheckConstraint("title <> '' AND title_zh <> ''", name=op.f("ck_risk_notice_titled")),
        sa.CheckConstraint(
            "tlp IN ('clear', 'green', 'amber', 'amber+strict', 'red')",
            name=op.f("ck_risk_notice_tlp_known"),
        ),
        sa.CheckConstraint(
            "(approved_by IS NULL OR approved_by <> ALL (authors)) AND (released_by IS NULL OR released_by <> ALL (authors))",
            name=op.f("ck_risk_notice_not_by_an_author"),
        ),
        sa.CheckConstraint(
            "(approved_by IS NULL) = (approved_at IS NULL) AND (released_by IS NULL) = (released_at IS NULL)",
            name=op.f("ck_risk_notice_steps_whole"),
        ),
        sa.CheckConstraint(
            "(cvss_vector IS NULL) = (cvss_score IS NULL)",
            name=op.f("ck_risk_notice_score_of_vector"),
        ),
        sa.CheckConstraint(
            "cardinality(authors) > 0", name=op.f("ck_risk_notice_written_by_somebody")
        ),
        sa.CheckConstraint("cvss_score BETWEEN 0 AND 10", name=op.f("ck_risk_notice_score_range")),
        sa.CheckConstraint(
            "delivered_at IS NULL OR (released_at IS NOT NULL AND delivered_at >= released_at AND (embargo_until IS NULL OR delivered_at >= embargo_until))",
            name=op.f("ck_risk_notice_delivered_after_embargo"),
        ),
        sa.CheckConstraint(
            "released_by IS NULL OR (approved_by IS NOT NULL AND approved_by <> released_by)",
            name=op.f("ck_risk_notice_two_persons"),
        ),
        sa.CheckConstraint("version >= 1", name=op.f("ck_risk_notice_version")),
    ]


def _delivery() -> None:
    op.create_table(
        "risk_delivery",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("notice_id", sa.Uuid(), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("person_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_by", sa.Uuid(), nullable=True),
        sa.Column("escalated_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(acknowledged_at IS NULL) = (acknowledged_by IS NULL)",
            name=op.f("ck_risk_delivery_acknowledged_whole"),
        ),
        sa.CheckConstraint(
            "acknowledged_at IS NULL OR read_at IS NOT NULL",
            name=op.f("ck_risk_delivery_read_first"),
        ),
        sa.CheckConstraint("due_at >= delivered_at", name=op.f("ck_risk_delivery_due_later")),
        sa.ForeignKeyConstraint(
            ["author_id", "notice_id"],
            ["risk_notice.organisation_id", "risk_notice.id"],
            name=op.f("fk_risk_delivery_author_id_notice_id_risk_notice"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_risk_delivery_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_risk_delivery")),
        sa.UniqueConstraint(
            "notice_id", "organisation_id", name=op.f("uq_risk_delivery_notice_id_organisation_id")
        ),
        sa.UniqueConstraint(
            "organisation_id", "id", name=op.f("uq_risk_delivery_organisation_id_id")
        ),
    )
    op.create_index(
        "ix_risk_delivery_overdue",
        "risk_delivery",
        ["due_at"],
        postgresql_where=sa.text("acknowledged_at IS NULL AND escalated_at IS NULL"),
    )


def _report() -> None:
    op.create_table(
        "risk_report",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("reported_by", sa.Uuid(), nullable=False),
        sa.Column("title", TEXT(), nullable=False),
        sa.Column("text", TEXT(), nullable=False),
        sa.Column("kind", TEXT(), nullable=False),
        sa.Column("severity", TEXT(), nullable=False),
        sa.Column("products", postgresql.JSONB(), nullable=False),
        sa.Column("state", TEXT(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decide_by", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("reply", TEXT(), nullable=True),
        sa.Column("notice_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "(state = 'received') = (decided_at IS NULL) AND (decided_at IS NULL) = (decided_by IS NULL) AND (decided_at IS NULL) = (reply IS NULL)",
            name=op.f("ck_risk_report_decided_whole"),
        ),
        sa.CheckConstraint(
            "kind IN ('vulnerability', 'misconfiguration', 'incident', 'advisory')",
            name=op.f("ck_risk_report_kind_known"),
        ),
        sa.CheckConstraint(
            "severity IN ('none', 'low', 'medium', 'high', 'critical')",
            name=op.f("ck_risk_report_severity_known"),
        ),
        sa.CheckConstraint(
            "state IN ('received', 'accepted', 'rejected')", name=op.f("ck_risk_report_state_known")
        ),
        sa.ForeignKeyConstraint(
            ["notice_id"], ["risk_notice.id"], name=op.f("fk_risk_report_notice_id_risk_notice")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_risk_report_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_risk_report")),
        sa.UniqueConstraint(
            "organisation_id", "id", name=op.f("uq_risk_report_organisation_id_id")
        ),
    )
    op.create_index(
        "ix_risk_report_reported_by_created_at", "risk_report", ["reported_by", "created_at"]
    )


def _finding() -> None:
    op.create_table(
        "risk_finding",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("gateway_id", sa.Uuid(), nullable=False),
        sa.Column("park", TEXT(), nullable=True),
        sa.Column("kind", TEXT(), nullable=False),
        sa.Column("subject", TEXT(), nullable=False),
        sa.Column("detail", TEXT(), nullable=False),
        sa.Column("first_seen", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_count", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('opcua_none_endpoint', 'certificate_expired', 'certificate_expiring', 'unknown_client')",
            name=op.f("ck_risk_finding_kind_known"),
        ),
        sa.CheckConstraint("subject <> ''", name=op.f("ck_risk_finding_about_something")),
        sa.CheckConstraint(
            "seen_count >= 1 AND last_seen >= first_seen", name=op.f("ck_risk_finding_seen")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "gateway_id"],
            ["gateway.organisation_id", "gateway.id"],
            name=op.f("fk_risk_finding_organisation_id_gateway_id_gateway"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_risk_finding")),
        sa.UniqueConstraint(
            "gateway_id", "kind", "subject", name=op.f("uq_risk_finding_gateway_id_kind_subject")
        ),
        sa.UniqueConstraint(
            "organisation_id", "id", name=op.f("uq_risk_finding_organisation_id_id")
        ),
    )
    op.create_index("ix_risk_finding_park", "risk_finding", ["park"])


def _steps() -> Iterator[str]:
    """Approving and releasing are done in one's own name; what was submitted stays as it is."""
    fixed = " OR ".join(f"NEW.{column} IS DISTINCT FROM OLD.{column}" for column in WRITTEN)
    yield f"""
        CREATE FUNCTION risk_notice_steps() RETURNS trigger LANGUAGE plpgsql
            SET search_path = pg_catalog AS $$
        DECLARE
          actor uuid := nullif(current_setting('app.actor', true), '')::uuid;
        BEGIN
          IF (NEW.approved_by IS DISTINCT FROM OLD.approved_by AND NEW.approved_by <> coalesce(actor, NEW.id))
             OR (NEW.released_by IS DISTINCT FROM OLD.released_by
                 AND NEW.released_by IS DISTINCT FROM coalesce(actor, NEW.id)) THEN
            RAISE EXCEPTION 'risk_notice %: nobody approves or releases in the name of another', OLD.id
              USING ERRCODE = 'insufficient_privilege';
          END IF;
          IF NOT NEW.authors @> OLD.authors OR (OLD.state <> 'draft' AND ({fixed})) THEN
            RAISE EXCEPTION 'risk_notice %: what was submitted stays as it is', OLD.id
              USING ERRCODE = 'insufficient_privilege';
          END IF;
          RETURN NEW;
        END $$
    """
    yield """
        CREATE TRIGGER risk_notice_steps BEFORE UPDATE ON risk_notice
            FOR EACH ROW EXECUTE FUNCTION risk_notice_steps()
    """


def _notice_protection() -> Iterator[str]:
    drafted = (
        f"{OWN} AND {ACTOR} = ANY (authors) AND state = 'draft' AND approved_by IS NULL"
        " AND released_by IS NULL AND delivered_at IS NULL"
    )
    yield from protect(
        "risk_notice",
        read=f"({OWN} OR {SECURITY} OR {TOLD})",
        insert=drafted,
        privileges=f"SELECT, INSERT, UPDATE ({', '.join((*WRITTEN, *STEPS))})",
    )
    # Others than authorities write and withdraw; their notices are released by the platform.
    before = "state IN ('draft', 'submitted', 'withdrawn')"
    yield (
        f"CREATE POLICY risk_notice_update ON risk_notice FOR UPDATE TO {APP}"
        f" USING ({OWN} OR {SECURITY})"
        f" WITH CHECK ({SECURITY} OR ({OWN} AND ({before} OR {AUTHORITY})))"
    )


def _protection() -> Iterator[str]:
    numbering = "SELECT, INSERT, UPDATE"
    yield from protect("risk_counter", read="true", write="true", privileges=numbering)
    # Only the worker delivers; who received it says that it was read and acknowledged.
    yield from protect(
        "risk_delivery",
        read=f"({RECEIVED} OR {own('author_id')} OR {SECURITY})",
        write=RECEIVED,
        privileges="SELECT, UPDATE (read_at, acknowledged_at, acknowledged_by)",
    )
    yield from protect(
        "risk_finding",
        read=f"(({OWN} AND {MANAGES}) OR {OPERATED} OR {SECURITY})",
        write=f"({OWN} AND {MANAGES})",
        privileges="SELECT, INSERT, UPDATE",
    )
    reporter = actor("reported_by")
    yield from protect(
        "risk_report",
        read=f"({reporter} OR {SECURITY})",
        write=SECURITY,
        insert=f"({OWN} AND {reporter})",
        privileges="SELECT, INSERT, UPDATE",
    )
    yield from protect("risk_import", read=OWN, write=OWN, privileges="SELECT, INSERT")
