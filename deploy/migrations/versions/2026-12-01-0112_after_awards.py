"""Progress reports of awarded projects, and best-practice pages published with consent."""

from collections.abc import Iterator

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

from services.runtime.database_roles import APP
from services.runtime.row_security import OWN, own, protect

revision = "0112_after_awards"
down_revision = "0111_incubation_guards"
branch_labels = None
depends_on = None

TABLES = ("best_practice", "progress_report")
TEXT = sqlmodel.sql.sqltypes.AutoString
REPORT_FOLLOWS_ITS_LIFE = """
CREATE FUNCTION progress_report_follows_its_life() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  caller uuid := nullif(current_setting('app.org', true), '')::uuid;
BEGIN
  IF current_user <> '{app}' THEN RETURN NEW; END IF;
  IF (OLD.state, NEW.state) IN (('submitted', 'accepted'), ('submitted', 'returned'))
     AND caller = NEW.owner_id AND NEW.said = OLD.said AND NEW.figures = OLD.figures THEN
    RETURN NEW;
  END IF;
  IF (OLD.state, NEW.state) = ('returned', 'submitted') AND caller = NEW.organisation_id THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'a report that is % does not become % by %', OLD.state, NEW.state, caller
    USING ERRCODE = 'check_violation';
END $$
"""


def upgrade() -> None:
    # A table somebody holds must fail the migration, not stop the platform behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    _best_practice()
    _progress_report()
    for statement in _protection():
        op.execute(statement)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
    op.execute("DROP FUNCTION progress_report_follows_its_life()")


def _protection() -> Iterator[str]:
    yield from protect(
        "progress_report",
        read=f"{OWN} OR {own('owner_id')}",
        write=f"{OWN} OR {own('owner_id')}",
        insert=f"{OWN} AND state = 'submitted'",
        privileges="SELECT, INSERT, UPDATE (said, figures, state, submitted_at, remark,"
        " reviewed_at)",
    )
    yield from protect(
        "best_practice",
        read=f"state = 'published' OR {OWN} OR {own('applicant_id')}",
        write=own("applicant_id"),
        insert=f"{OWN} AND state = 'proposed'",
        privileges="SELECT, INSERT, UPDATE (state, published_at)",
    )
    yield REPORT_FOLLOWS_ITS_LIFE.format(app=APP)
    yield "REVOKE EXECUTE ON FUNCTION progress_report_follows_its_life() FROM PUBLIC"
    yield (
        "CREATE TRIGGER progress_report_follows_its_life BEFORE UPDATE ON progress_report"
        " FOR EACH ROW EXECUTE FUNCTION progress_report_follows_its_life()"
    )


def _best_practice() -> None:
    op.create_table(
        "best_practice",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("applicant_id", sa.Uuid(), nullable=False),
        sa.Column("application_id", sa.Uuid(), nullable=False),
        sa.Column("title", TEXT(), nullable=False),
        sa.Column("text", TEXT(), nullable=False),
        sa.Column("figures", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", TEXT(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state = 'withdrawn' OR (state = 'proposed') = (published_at IS NULL)",
            name=op.f("ck_best_practice_published_at"),
        ),
        sa.CheckConstraint(
            "state IN ('proposed', 'published', 'withdrawn')", name=op.f("ck_best_practice_state")
        ),
        sa.ForeignKeyConstraint(
            ["applicant_id", "application_id"],
            ["programme_application.organisation_id", "programme_application.id"],
            name=op.f("fk_best_practice_applicant_id_application_id_programme_application"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_best_practice_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_best_practice")),
    )
    op.create_index(
        op.f("ix_best_practice_organisation_id"), "best_practice", ["organisation_id"], unique=False
    )
    op.create_index(
        "uq_best_practice_shown",
        "best_practice",
        ["application_id"],
        unique=True,
        postgresql_where=sa.text("state <> 'withdrawn'"),
    )


def _progress_report() -> None:
    op.create_table(
        "progress_report",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("application_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("said", TEXT(), nullable=False),
        sa.Column("figures", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", TEXT(), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("remark", TEXT(), nullable=True),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state <> 'returned' OR remark IS NOT NULL",
            name=op.f("ck_progress_report_returned_because"),
        ),
        sa.CheckConstraint(
            "state IN ('accepted', 'returned', 'submitted')", name=op.f("ck_progress_report_state")
        ),
        sa.CheckConstraint("number >= 1", name=op.f("ck_progress_report_numbered")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "application_id"],
            ["programme_application.organisation_id", "programme_application.id"],
            name=op.f("fk_progress_report_organisation_id_application_id_programme_application"),
        ),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["organisation.id"], name=op.f("fk_progress_report_owner_id_organisation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_progress_report")),
        sa.UniqueConstraint(
            "application_id", "number", name=op.f("uq_progress_report_application_id_number")
        ),
    )
    op.create_index(
        op.f("ix_progress_report_owner_id"), "progress_report", ["owner_id"], unique=False
    )
