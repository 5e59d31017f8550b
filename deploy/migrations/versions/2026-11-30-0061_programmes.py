"""Programmes: which call runs one, applications, recommendations within a quota."""

from collections.abc import Iterator

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

from services.runtime.row_security import OWN, own, protect

revision = "0061_programmes"
down_revision = "0060_calls"
branch_labels = None
depends_on = None

TEXT = sqlmodel.sql.sqltypes.AutoString
TABLES = ("programme_run", "programme_application", "programme_recommendation")
SEEN_CALL = "EXISTS (SELECT FROM call WHERE call.id = call_id)"
NAMED = (
    "EXISTS (SELECT FROM call WHERE call.id = call_id"
    " AND (NOT call.blind OR call.stage = 'awarded'))"
)


def upgrade() -> None:
    # A table somebody holds must fail the migration, not stop the platform behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    _run()
    _application()
    _recommendation()
    for statement in _protection():
        op.execute(statement)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)


def _run() -> None:
    op.create_table(
        "programme_run",
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("programme", TEXT(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("version >= 1", name=op.f("ck_programme_run_version_positive")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "call_id"],
            ["call.organisation_id", "call.id"],
            name=op.f("fk_programme_run_organisation_id_call_id_call"),
        ),
        sa.PrimaryKeyConstraint("call_id", name=op.f("pk_programme_run")),
    )


def _application() -> None:
    op.create_table(
        "programme_application",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("recommender_id", sa.Uuid(), nullable=False),
        sa.Column("programme", TEXT(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("title", TEXT(), nullable=False),
        sa.Column("directions", postgresql.ARRAY(sa.Integer()), nullable=False),
        sa.Column("fields", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("figures", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("findings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", TEXT(), nullable=False),
        sa.Column("submission_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(state = 'filed') = (submission_id IS NOT NULL)",
            name=op.f("ck_programme_application_filed_as"),
        ),
        sa.CheckConstraint(
            "state IN ('applied', 'draft', 'filed')", name=op.f("ck_programme_application_state")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "submission_id"],
            ["call_submission.organisation_id", "call_submission.id"],
            name=op.f("fk_programme_application_organisation_id_submission_id_call_submission"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_programme_application_organisation_id_organisation"),
        ),
        sa.ForeignKeyConstraint(
            ["owner_id", "call_id"],
            ["call.organisation_id", "call.id"],
            name=op.f("fk_programme_application_owner_id_call_id_call"),
        ),
        sa.ForeignKeyConstraint(
            ["recommender_id"],
            ["organisation.id"],
            name=op.f("fk_programme_application_recommender_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_programme_application")),
        sa.UniqueConstraint(
            "organisation_id", "id", name=op.f("uq_programme_application_organisation_id_id")
        ),
    )
    op.create_index(
        op.f("ix_programme_application_call_id"), "programme_application", ["call_id"], unique=False
    )
    op.create_index(
        op.f("ix_programme_application_recommender_id"),
        "programme_application",
        ["recommender_id"],
        unique=False,
    )
    op.create_index(
        "uq_programme_application_one_project",
        "programme_application",
        ["organisation_id", "call_id"],
        unique=True,
        postgresql_where=sa.text("state <> 'draft'"),
    )


def _recommendation() -> None:
    op.create_table(
        "programme_recommendation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("applicant_id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("application_id", sa.Uuid(), nullable=False),
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("reason", TEXT(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("quota", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "place >= 1 AND (quota IS NULL OR place <= quota)",
            name=op.f("ck_programme_recommendation_within_quota"),
        ),
        sa.ForeignKeyConstraint(
            ["applicant_id", "application_id"],
            ["programme_application.organisation_id", "programme_application.id"],
            name=op.f(
                "fk_programme_recommendation_applicant_id_application_id_programme_application"
            ),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_programme_recommendation_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_programme_recommendation")),
        sa.UniqueConstraint(
            "application_id", name=op.f("uq_programme_recommendation_application_id")
        ),
        sa.UniqueConstraint(
            "organisation_id",
            "call_id",
            "place",
            name=op.f("uq_programme_recommendation_organisation_id_call_id_place"),
        ),
    )


def _protection() -> Iterator[str]:
    """In a blind call the owner sees applications with the award, as it does submissions."""
    owner = f"({own('owner_id')} AND {NAMED})"
    yield from protect("programme_run", read=SEEN_CALL, insert=OWN, privileges="SELECT, INSERT")
    yield from protect(
        "programme_application",
        read=f"({OWN} OR {own('recommender_id')} OR {owner})",
        write=OWN,
        insert=f"{OWN} AND {SEEN_CALL}",
        privileges="SELECT, INSERT, UPDATE",
    )
    yield from protect(
        "programme_recommendation",
        read=f"({OWN} OR {own('applicant_id')} OR {owner})",
        insert=(
            f"{OWN} AND EXISTS (SELECT FROM programme_application AS asked"
            f" WHERE asked.id = application_id AND {own('asked.recommender_id')})"
        ),
        privileges="SELECT, INSERT",
    )
