"""Incubation: programmes, teams, milestones, facts; approved investors and introductions."""

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0110_incubation"
down_revision = "0108_tracking"
branch_labels = None
depends_on = None

TABLES = (
    "investor_approval",
    "incubation_programme",
    "incubated_team",
    "incubation_fact",
    "incubation_milestone",
    "introduction",
    "introduction_item",
)
TEXT = sqlmodel.sql.sqltypes.AutoString


def upgrade() -> None:
    # A table somebody holds must fail the migration, not stop the platform behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    _investor_approval()
    _incubation_programme()
    _incubated_team()
    _incubation_fact()
    _incubation_milestone()
    _introduction()
    _introduction_item()


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)


def _investor_approval() -> None:
    op.create_table(
        "investor_approval",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("investor_id", sa.Uuid(), nullable=False),
        sa.Column("because", TEXT(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "organisation_id <> investor_id", name=op.f("ck_investor_approval_of_another")
        ),
        sa.ForeignKeyConstraint(
            ["investor_id"],
            ["organisation.id"],
            name=op.f("fk_investor_approval_investor_id_organisation"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_investor_approval_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_investor_approval")),
        sa.UniqueConstraint(
            "organisation_id",
            "investor_id",
            "id",
            name=op.f("uq_investor_approval_organisation_id_investor_id_id"),
        ),
    )
    op.create_index(
        "ix_investor_approval_investor_id", "investor_approval", ["investor_id"], unique=False
    )
    op.create_index(
        "uq_investor_approval_in_force",
        "investor_approval",
        ["organisation_id", "investor_id"],
        unique=True,
        postgresql_where=sa.text("withdrawn_at IS NULL"),
    )


def _incubation_programme() -> None:
    op.create_table(
        "incubation_programme",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("space_id", sa.Uuid(), nullable=False),
        sa.Column("title", TEXT(), nullable=False),
        sa.Column("title_zh", TEXT(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "title <> '' AND title_zh <> ''", name=op.f("ck_incubation_programme_named")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "call_id"],
            ["call.organisation_id", "call.id"],
            name=op.f("fk_incubation_programme_organisation_id_call_id_call"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_incubation_programme_organisation_id_organisation"),
        ),
        sa.ForeignKeyConstraint(
            ["space_id"], ["space.id"], name=op.f("fk_incubation_programme_space_id_space")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incubation_programme")),
        sa.UniqueConstraint("call_id", name=op.f("uq_incubation_programme_call_id")),
        sa.UniqueConstraint(
            "organisation_id", "id", name=op.f("uq_incubation_programme_organisation_id_id")
        ),
    )


def _incubated_team() -> None:
    op.create_table(
        "incubated_team",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("programme_id", sa.Uuid(), nullable=False),
        sa.Column("award_id", sa.Uuid(), nullable=False),
        sa.Column("title", TEXT(), nullable=False),
        sa.Column("state", TEXT(), nullable=False),
        sa.Column("admitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('graduated', 'incubating')", name=op.f("ck_incubated_team_state")
        ),
        sa.ForeignKeyConstraint(
            ["award_id"], ["call_award.id"], name=op.f("fk_incubated_team_award_id_call_award")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "programme_id"],
            ["incubation_programme.organisation_id", "incubation_programme.id"],
            name=op.f("fk_incubated_team_organisation_id_programme_id_incubation_programme"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_incubated_team_organisation_id_organisation"),
        ),
        sa.ForeignKeyConstraint(
            ["team_id"], ["organisation.id"], name=op.f("fk_incubated_team_team_id_organisation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incubated_team")),
        sa.UniqueConstraint("award_id", name=op.f("uq_incubated_team_award_id")),
        sa.UniqueConstraint(
            "organisation_id",
            "team_id",
            "id",
            name=op.f("uq_incubated_team_organisation_id_team_id_id"),
        ),
    )
    op.create_index(
        "ix_incubated_team_programme_id_id", "incubated_team", ["programme_id", "id"], unique=False
    )
    op.create_index(
        "ix_incubated_team_team_id_id", "incubated_team", ["team_id", "id"], unique=False
    )


def _incubation_fact() -> None:
    op.create_table(
        "incubation_fact",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("incubated_id", sa.Uuid(), nullable=False),
        sa.Column("kind", TEXT(), nullable=False),
        sa.Column("occurred_on", sa.Date(), nullable=False),
        sa.Column("because", TEXT(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('admitted', 'ceased', 'graduated', 'reached', 'survived')",
            name=op.f("ck_incubation_fact_kind"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "team_id", "incubated_id"],
            ["incubated_team.organisation_id", "incubated_team.team_id", "incubated_team.id"],
            name="fk_incubation_fact_of_team",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_incubation_fact_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incubation_fact")),
    )
    op.create_index(
        "ix_incubation_fact_incubated_id_id",
        "incubation_fact",
        ["incubated_id", "id"],
        unique=False,
    )
    op.create_index(
        "uq_incubation_fact_ended",
        "incubation_fact",
        ["incubated_id", "kind"],
        unique=True,
        postgresql_where=sa.text("kind IN ('admitted', 'ceased', 'graduated')"),
    )


def _incubation_milestone() -> None:
    op.create_table(
        "incubation_milestone",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("incubated_id", sa.Uuid(), nullable=False),
        sa.Column("title", TEXT(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("state", TEXT(), nullable=False),
        sa.Column("said", TEXT(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(state = 'planned') = (said IS NULL)",
            name=op.f("ck_incubation_milestone_reported_with_words"),
        ),
        sa.CheckConstraint(
            "state IN ('confirmed', 'planned', 'reported')",
            name=op.f("ck_incubation_milestone_state"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "team_id", "incubated_id"],
            ["incubated_team.organisation_id", "incubated_team.team_id", "incubated_team.id"],
            name="fk_incubation_milestone_of_team",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_incubation_milestone_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incubation_milestone")),
    )
    op.create_index(
        "ix_incubation_milestone_incubated_id_id",
        "incubation_milestone",
        ["incubated_id", "id"],
        unique=False,
    )


def _introduction() -> None:
    op.create_table(
        "introduction",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("investor_id", sa.Uuid(), nullable=False),
        sa.Column("incubator_id", sa.Uuid(), nullable=False),
        sa.Column("incubated_id", sa.Uuid(), nullable=False),
        sa.Column("approval_id", sa.Uuid(), nullable=False),
        sa.Column("asked_by", TEXT(), nullable=False),
        sa.Column("purpose", TEXT(), nullable=False),
        sa.Column("state", TEXT(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("consented_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state IN ('consented', 'revoked')) = (consented_at IS NOT NULL) AND (consented_at IS NULL) = (expires_at IS NULL) AND (expires_at IS NULL OR expires_at > consented_at)",
            name=op.f("ck_introduction_consented_for_a_time"),
        ),
        sa.CheckConstraint(
            "asked_by IN ('investor', 'team')", name=op.f("ck_introduction_asked_by")
        ),
        sa.CheckConstraint(
            "state IN ('asked', 'closed', 'consented', 'revoked')",
            name=op.f("ck_introduction_state"),
        ),
        sa.ForeignKeyConstraint(
            ["incubator_id", "investor_id", "approval_id"],
            [
                "investor_approval.organisation_id",
                "investor_approval.investor_id",
                "investor_approval.id",
            ],
            name="fk_introduction_to_approved",
        ),
        sa.ForeignKeyConstraint(
            ["incubator_id", "organisation_id", "incubated_id"],
            ["incubated_team.organisation_id", "incubated_team.team_id", "incubated_team.id"],
            name="fk_introduction_of_team",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_introduction_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_introduction")),
        sa.UniqueConstraint(
            "organisation_id",
            "investor_id",
            "id",
            name=op.f("uq_introduction_organisation_id_investor_id_id"),
        ),
    )
    op.create_index(
        "ix_introduction_incubator_id_id", "introduction", ["incubator_id", "id"], unique=False
    )
    op.create_index(
        "ix_introduction_investor_id_id", "introduction", ["investor_id", "id"], unique=False
    )
    op.create_index(
        "uq_introduction_asked",
        "introduction",
        ["organisation_id", "investor_id"],
        unique=True,
        postgresql_where=sa.text("state = 'asked'"),
    )


def _introduction_item() -> None:
    op.create_table(
        "introduction_item",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("investor_id", sa.Uuid(), nullable=False),
        sa.Column("introduction_id", sa.Uuid(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=True),
        sa.Column("kind", TEXT(), nullable=True),
        sa.Column("currency", TEXT(), nullable=True),
        sa.Column("value", sa.BigInteger(), nullable=True),
        sa.Column("rows", sa.Integer(), nullable=True),
        sa.Column("rows_sha256", TEXT(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('milestones', 'open_escrow', 'settled_value')",
            name=op.f("ck_introduction_item_kind"),
        ),
        sa.CheckConstraint(
            "(document_id IS NULL) = (kind IS NOT NULL) AND (kind IS NULL) = (value IS NULL) AND (kind IS NULL) = (rows IS NULL) AND (kind IS NULL) = (rows_sha256 IS NULL)",
            name=op.f("ck_introduction_item_figure_or_document"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "investor_id", "introduction_id"],
            ["introduction.organisation_id", "introduction.investor_id", "introduction.id"],
            name="fk_introduction_item_of_introduction",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_introduction_item_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_introduction_item")),
    )
    op.create_index(
        "ix_introduction_item_document_id", "introduction_item", ["document_id"], unique=False
    )
    op.create_index(
        "ix_introduction_item_introduction_id_id",
        "introduction_item",
        ["introduction_id", "id"],
        unique=False,
    )
