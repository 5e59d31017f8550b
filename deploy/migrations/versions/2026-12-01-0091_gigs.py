"""Gigs, applications for them, what teams earned, and standings."""

from typing import Any

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0091_gigs"
down_revision = "0090_projects"
branch_labels = None
depends_on = None

TEXT = sqlmodel.sql.sqltypes.AutoString
TABLES = ("gig", "gig_application", "team_income", "work_standing")


def upgrade() -> None:
    # A table somebody holds must fail the migration, not stop the platform behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    _gig()
    _gig_application()
    _team_income()
    _work_standing()


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)


def _work_standing() -> None:
    op.create_table("work_standing", *_work_standing_columns(), *_work_standing_constraints())


def _work_standing_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("kind", TEXT(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("currency", TEXT(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("settled_minor", sa.BigInteger(), nullable=False),
        sa.Column("settled", sa.Integer(), nullable=False),
        sa.Column("punctual", sa.Integer(), nullable=False),
        sa.Column("first_time", sa.Integer(), nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
    ]


def _work_standing_constraints() -> list[sa.Constraint]:
    return [
        sa.CheckConstraint("kind IN ('team', 'worker')", name=op.f("ck_work_standing_kind")),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_work_standing_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("kind", "subject_id", "currency", name=op.f("pk_work_standing")),
    ]


def _gig() -> None:
    op.create_table("gig", *_gig_columns(), *_gig_constraints())
    op.create_index("ix_gig_worker_id_id", "gig", ["worker_id", "id"], unique=False)


def _gig_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("title", TEXT(), nullable=False),
        sa.Column("about", TEXT(), nullable=False),
        sa.Column("pay_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", TEXT(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", TEXT(), nullable=False),
        sa.Column("worker_id", sa.Uuid(), nullable=True),
        sa.Column("team_id", sa.Uuid(), nullable=True),
        sa.Column("escrow_id", sa.Uuid(), nullable=True),
        sa.Column("handed_in_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("hand_ins", sa.Integer(), nullable=False),
        sa.Column("work", TEXT(), nullable=True),
        sa.Column("reason", TEXT(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    ]


def _gig_constraints() -> list[sa.Constraint]:
    return [
        sa.CheckConstraint(
            "(worker_id IS NULL) = (state IN ('published', 'cancelled')) AND (worker_id IS NULL) = (escrow_id IS NULL)",
            name=op.f("ck_gig_assigned_with_escrow"),
        ),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$' AND pay_minor > 0", name=op.f("ck_gig_pay")),
        sa.CheckConstraint(
            "state IN ('accepted', 'assigned', 'cancelled', 'handed_in', 'published')",
            name=op.f("ck_gig_state"),
        ),
        sa.CheckConstraint("worker_id <> organisation_id", name=op.f("ck_gig_of_two")),
        sa.ForeignKeyConstraint(
            ["escrow_id"], ["ledger_escrow.id"], name=op.f("fk_gig_escrow_id_ledger_escrow")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "project_id"],
            ["project.organisation_id", "project.id"],
            name="fk_gig_of_project",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_gig_organisation_id_organisation"),
        ),
        sa.ForeignKeyConstraint(["team_id"], ["project.id"], name=op.f("fk_gig_team_id_project")),
        sa.ForeignKeyConstraint(
            ["worker_id"], ["organisation.id"], name=op.f("fk_gig_worker_id_organisation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gig")),
        sa.UniqueConstraint("organisation_id", "id", name=op.f("uq_gig_organisation_id_id")),
    ]


def _gig_application() -> None:
    op.create_table(
        "gig_application",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("gig_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("text", TEXT(), nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=True),
        sa.Column("share_rule_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(team_id IS NULL) = (share_rule_id IS NULL)",
            name=op.f("ck_gig_application_team_shares"),
        ),
        sa.CheckConstraint("owner_id <> organisation_id", name=op.f("ck_gig_application_of_two")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "share_rule_id"],
            ["ledger_share_rule.organisation_id", "ledger_share_rule.id"],
            name="fk_gig_application_of_share_rule",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "team_id"],
            ["project.organisation_id", "project.id"],
            name="fk_gig_application_of_team",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_gig_application_organisation_id_organisation"),
        ),
        sa.ForeignKeyConstraint(
            ["owner_id", "gig_id"],
            ["gig.organisation_id", "gig.id"],
            name="fk_gig_application_of_gig",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gig_application")),
        sa.UniqueConstraint(
            "gig_id", "organisation_id", name=op.f("uq_gig_application_gig_id_organisation_id")
        ),
    )


def _team_income() -> None:
    op.create_table(
        "team_income",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("gig_id", sa.Uuid(), nullable=False),
        sa.Column("escrow_id", sa.Uuid(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("net_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", TEXT(), nullable=False),
        sa.Column("parts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["escrow_id"], ["ledger_escrow.id"], name=op.f("fk_team_income_escrow_id_ledger_escrow")
        ),
        sa.ForeignKeyConstraint(["gig_id"], ["gig.id"], name=op.f("fk_team_income_gig_id_gig")),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_team_income_organisation_id_organisation"),
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_team_income_project_id_project")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_team_income")),
        sa.UniqueConstraint("escrow_id", name=op.f("uq_team_income_escrow_id")),
    )
    op.create_index(
        "ix_team_income_project_id_id", "team_income", ["project_id", "id"], unique=False
    )
