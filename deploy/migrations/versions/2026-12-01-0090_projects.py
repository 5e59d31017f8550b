"""Projects: members, agreements, plans, files and decisions."""

from typing import Any

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0090_projects"
down_revision = "0088_replaces"
branch_labels = None
depends_on = None

TEXT = sqlmodel.sql.sqltypes.AutoString
TABLES = (
    "project",
    "project_agreement",
    "project_decision",
    "project_file",
    "project_member",
    "project_plan_item",
    "project_consent",
    "project_download",
    "project_vote",
)


def upgrade() -> None:
    # A table somebody holds must fail the migration, not stop the platform behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    _project()
    _project_agreement()
    _project_decision()
    _project_file()
    _project_member()
    _project_plan_item()
    _project_consent()
    _project_download()
    _project_vote()


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)


def _project() -> None:
    op.create_table("project", *_project_columns(), *_project_constraints())


def _project_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("kind", TEXT(), nullable=False),
        sa.Column("title", TEXT(), nullable=False),
        sa.Column("title_zh", TEXT(), nullable=True),
        sa.Column("about", TEXT(), nullable=False),
        sa.Column("state", TEXT(), nullable=False),
        sa.Column("visibility", TEXT(), nullable=False),
        sa.Column("park", TEXT(), nullable=True),
        sa.Column("space_id", sa.Uuid(), nullable=True),
        sa.Column("award_id", sa.Uuid(), nullable=True),
        sa.Column("joined", sa.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("invited", sa.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    ]


def _project_constraints() -> list[sa.Constraint]:
    return [
        sa.CheckConstraint(
            "(visibility = 'park') = (park IS NOT NULL) AND (visibility = 'space') = (space_id IS NOT NULL)",
            name=op.f("ck_project_place"),
        ),
        sa.CheckConstraint(
            "kind IN ('incubated_team', 'micro_team', 'rd_project')", name=op.f("ck_project_kind")
        ),
        sa.CheckConstraint("state IN ('active', 'closed')", name=op.f("ck_project_state")),
        sa.CheckConstraint(
            "visibility IN ('nda', 'organisation', 'park', 'private', 'public', 'space')",
            name=op.f("ck_project_visibility"),
        ),
        sa.ForeignKeyConstraint(
            ["award_id"], ["call_award.id"], name=op.f("fk_project_award_id_call_award")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_project_organisation_id_organisation"),
        ),
        sa.ForeignKeyConstraint(["park"], ["park.code"], name=op.f("fk_project_park_park")),
        sa.ForeignKeyConstraint(["space_id"], ["space.id"], name=op.f("fk_project_space_id_space")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_project")),
        sa.UniqueConstraint("organisation_id", "id", name=op.f("uq_project_organisation_id_id")),
    ]


def _project_agreement() -> None:
    op.create_table(
        "project_agreement",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("kind", TEXT(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("parts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("document", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("leaver_id", sa.Uuid(), nullable=True),
        sa.Column("state", TEXT(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind IN ('ip_terms', 'stakes')", name=op.f("ck_project_agreement_kind")
        ),
        sa.CheckConstraint(
            "state IN ('in_force', 'proposed', 'refused', 'superseded')",
            name=op.f("ck_project_agreement_state"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_project_agreement_organisation_id_organisation"),
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_project_agreement_project_id_project")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_project_agreement")),
        sa.UniqueConstraint("project_id", "id", name=op.f("uq_project_agreement_project_id_id")),
        sa.UniqueConstraint(
            "project_id", "kind", "number", name=op.f("uq_project_agreement_project_id_kind_number")
        ),
    )


def _project_decision() -> None:
    op.create_table(
        "project_decision",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("title", TEXT(), nullable=False),
        sa.Column("text", TEXT(), nullable=False),
        sa.Column("weighing", TEXT(), nullable=False),
        sa.Column("quorum", sa.Integer(), nullable=False),
        sa.Column("majority", sa.Integer(), nullable=False),
        sa.Column("weights", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("closes_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", TEXT(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('carried', 'lapsed', 'open', 'rejected')",
            name=op.f("ck_project_decision_state"),
        ),
        sa.CheckConstraint(
            "weighing IN ('heads', 'stakes')", name=op.f("ck_project_decision_weighing")
        ),
        sa.CheckConstraint(
            "quorum BETWEEN 0 AND 10000 AND majority BETWEEN 0 AND 10000",
            name=op.f("ck_project_decision_rule"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_project_decision_organisation_id_organisation"),
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_project_decision_project_id_project")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_project_decision")),
        sa.UniqueConstraint("project_id", "id", name=op.f("uq_project_decision_project_id_id")),
    )


def _project_file() -> None:
    op.create_table(
        "project_file",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("name", TEXT(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("media_type", TEXT(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", TEXT(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id", "document_id"],
            ["document.organisation_id", "document.id"],
            name="fk_project_file_of_document",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_project_file_organisation_id_organisation"),
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_project_file_project_id_project")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_project_file")),
        sa.UniqueConstraint("project_id", "id", name=op.f("uq_project_file_project_id_id")),
        sa.UniqueConstraint(
            "project_id", "name", "number", name=op.f("uq_project_file_project_id_name_number")
        ),
    )


def _project_member() -> None:
    op.create_table(
        "project_member",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("role", TEXT(), nullable=False),
        sa.Column("stake", sa.Integer(), nullable=False),
        sa.Column("state", TEXT(), nullable=False),
        sa.Column("invited_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "stake BETWEEN 0 AND 10000 AND (stake = 0 OR state = 'joined')",
            name=op.f("ck_project_member_stake"),
        ),
        sa.CheckConstraint(
            "state IN ('declined', 'invited', 'joined', 'left')",
            name=op.f("ck_project_member_state"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_project_member_organisation_id_organisation"),
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_project_member_person_id_person")
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_project_member_project_id_project")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_project_member")),
        sa.UniqueConstraint(
            "project_id",
            "organisation_id",
            name=op.f("uq_project_member_project_id_organisation_id"),
        ),
    )


def _project_plan_item() -> None:
    op.create_table(
        "project_plan_item",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("kind", TEXT(), nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("title", TEXT(), nullable=False),
        sa.Column("about", TEXT(), nullable=False),
        sa.Column("lead_id", sa.Uuid(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("state", TEXT(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('milestone', 'task', 'work_package')", name=op.f("ck_project_plan_item_kind")
        ),
        sa.CheckConstraint(
            "state IN ('done', 'dropped', 'open')", name=op.f("ck_project_plan_item_state")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_project_plan_item_organisation_id_organisation"),
        ),
        sa.ForeignKeyConstraint(
            ["project_id", "parent_id"],
            ["project_plan_item.project_id", "project_plan_item.id"],
            name="fk_project_plan_item_of_parent",
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["project.id"], name=op.f("fk_project_plan_item_project_id_project")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_project_plan_item")),
        sa.UniqueConstraint("project_id", "id", name=op.f("uq_project_plan_item_project_id_id")),
    )


def _project_consent() -> None:
    op.create_table(
        "project_consent",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("agreement_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("accepts", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_project_consent_organisation_id_organisation"),
        ),
        sa.ForeignKeyConstraint(
            ["project_id", "agreement_id"],
            ["project_agreement.project_id", "project_agreement.id"],
            name="fk_project_consent_of_agreement",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_project_consent")),
        sa.UniqueConstraint(
            "agreement_id",
            "organisation_id",
            name=op.f("uq_project_consent_agreement_id_organisation_id"),
        ),
    )


def _project_download() -> None:
    op.create_table(
        "project_download",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_project_download_organisation_id_organisation"),
        ),
        sa.ForeignKeyConstraint(
            ["project_id", "file_id"],
            ["project_file.project_id", "project_file.id"],
            name="fk_project_download_of_file",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_project_download")),
    )
    op.create_index("ix_project_download_file_id", "project_download", ["file_id"], unique=False)


def _project_vote() -> None:
    op.create_table(
        "project_vote",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("decision_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("choice", TEXT(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "choice IN ('abstain', 'no', 'yes')", name=op.f("ck_project_vote_choice")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_project_vote_organisation_id_organisation"),
        ),
        sa.ForeignKeyConstraint(
            ["project_id", "decision_id"],
            ["project_decision.project_id", "project_decision.id"],
            name="fk_project_vote_of_decision",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_project_vote")),
        sa.UniqueConstraint(
            "decision_id",
            "organisation_id",
            name=op.f("uq_project_vote_decision_id_organisation_id"),
        ),
    )
