"""Calls: stages, papers without names, reviews, public notices, appeals, awards."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

from services.runtime.database_roles import APP
from services.runtime.row_security import OWN, VISIBLE, actor, own, protect

revision = "0060_calls"
down_revision = "0050_directions"
branch_labels = None
depends_on = None

TEXT = sqlmodel.sql.sqltypes.AutoString
TABLES = (
    "call",
    "call_juror",
    "call_notice",
    "call_submission",
    "call_paper",
    "call_submission_version",
    "call_appeal",
    "call_award",
    "call_review",
    "call_score",
)
ACTS = "(SELECT nullif(current_setting('app.org', true), '') IS NOT NULL)"
JUROR = f"({actor('person_id')} AND {ACTS})"
SEEN_CALL = "EXISTS (SELECT FROM call WHERE call.id = call_id)"
OWN_SUBMISSION = (
    "EXISTS (SELECT FROM call_submission AS sent"
    f" WHERE sent.id = call_paper.id AND {own('sent.organisation_id')})"
)


def upgrade() -> None:
    # A table somebody holds must fail the migration, not stop the platform behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    _call()
    _juror()
    _notice()
    _submission()
    _paper()
    _submission_version()
    _appeal()
    _award()
    _review()
    _score()
    for statement in _protection():
        op.execute(statement)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)


def _key(name: str, columns: list[str], targets: list[str]) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(columns, targets, name=op.f(name))


def _check(name: str, condition: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(condition, name=op.f(name))


def _unique(name: str, *columns: str) -> sa.UniqueConstraint:
    return sa.UniqueConstraint(*columns, name=op.f(name))


def _call() -> None:
    op.create_table(
        "call",
        *_call_columns(),
        *_call_checks(),
        _key("fk_call_organisation_id_organisation", ["organisation_id"], ["organisation.id"]),
        _key("fk_call_park_park", ["park"], ["park.code"]),
        _key("fk_call_space_id_space", ["space_id"], ["space.id"]),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call")),
        _unique("uq_call_organisation_id_id", "organisation_id", "id"),
    )
    op.create_index(
        "ix_call_due",
        "call",
        ["stage_until"],
        unique=False,
        postgresql_where=sa.text("stage NOT IN ('awarded', 'closed')"),
    )


def _call_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("kind", TEXT(), nullable=False),
        sa.Column("title", TEXT(), nullable=False),
        sa.Column("title_zh", TEXT(), nullable=False),
        sa.Column("about", TEXT(), nullable=False),
        sa.Column("direction", sa.Integer(), nullable=True),
        sa.Column("visibility", TEXT(), nullable=False),
        sa.Column("park", TEXT(), nullable=True),
        sa.Column("space_id", sa.Uuid(), nullable=True),
        sa.Column("blind", sa.Boolean(), nullable=False),
        sa.Column("reviewers", sa.Integer(), nullable=False),
        sa.Column("awards", sa.Integer(), nullable=False),
        sa.Column("conflicts", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("criteria", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("opens_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("submit_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("screen_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("review_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("notice_days", sa.Integer(), nullable=False),
        sa.Column("prize_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", TEXT(), nullable=True),
        sa.Column("stage", TEXT(), nullable=False),
        sa.Column("stage_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    ]


def _call_checks() -> list[sa.CheckConstraint]:
    return [
        _check(
            "ck_call_prize_is_money",
            "(prize_minor IS NULL) = (currency IS NULL) AND prize_minor > 0 AND currency ~ '^[A-Z]{3}$'",
        ),
        _check(
            "ck_call_of_one_place",
            "(visibility = 'park') = (park IS NOT NULL) AND (visibility = 'space') = (space_id IS NOT NULL) AND visibility IN ('organisation', 'park', 'public', 'space')",
        ),
        _check("ck_call_conflicts_known", "conflicts <@ ARRAY['park', 'space']::text[]"),
        _check(
            "ck_call_criteria_given",
            "jsonb_typeof(criteria) = 'array' AND jsonb_array_length(criteria) > 0",
        ),
        _check("ck_call_kind", "kind IN ('challenge', 'cohort', 'ideas', 'selection')"),
        _check(
            "ck_call_stage",
            "stage IN ('awarded', 'closed', 'notice', 'review', 'screening', 'submission')",
        ),
        _check(
            "ck_call_stages_in_order",
            "opens_at < submit_until AND submit_until < screen_until AND screen_until < review_until AND notice_days >= 1",
        ),
        _check("ck_call_judged_and_awarded", "reviewers >= 1 AND awards >= 1"),
    ]


def _juror() -> None:
    op.create_table(
        "call_juror",
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("appointed_at", sa.DateTime(timezone=True), nullable=False),
        _key(
            "fk_call_juror_organisation_id_call_id_call",
            ["organisation_id", "call_id"],
            ["call.organisation_id", "call.id"],
        ),
        _key("fk_call_juror_person_id_person", ["person_id"], ["person.id"]),
        sa.PrimaryKeyConstraint("call_id", "person_id", name=op.f("pk_call_juror")),
    )
    op.create_index(op.f("ix_call_juror_person_id"), "call_juror", ["person_id"], unique=False)


def _notice() -> None:
    op.create_table(
        "call_notice",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("places", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("opens_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closes_at", sa.DateTime(timezone=True), nullable=False),
        _check("ck_call_notice_has_window", "number >= 1 AND opens_at < closes_at"),
        _key(
            "fk_call_notice_organisation_id_call_id_call",
            ["organisation_id", "call_id"],
            ["call.organisation_id", "call.id"],
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call_notice")),
        _unique("uq_call_notice_call_id_number", "call_id", "number"),
    )


def _submission() -> None:
    op.create_table(
        "call_submission",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("title", TEXT(), nullable=False),
        sa.Column("body", TEXT(), nullable=False),
        sa.Column("document_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("state", TEXT(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        _check("ck_call_submission_state", "state IN ('draft', 'submitted', 'withdrawn')"),
        _check("ck_call_submission_titled", "title <> ''"),
        _check("ck_call_submission_version_positive", "version >= 1"),
        _key(
            "fk_call_submission_organisation_id_organisation",
            ["organisation_id"],
            ["organisation.id"],
        ),
        _key(
            "fk_call_submission_owner_id_call_id_call",
            ["owner_id", "call_id"],
            ["call.organisation_id", "call.id"],
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call_submission")),
        _unique("uq_call_submission_organisation_id_id", "organisation_id", "id"),
    )
    op.create_index(
        op.f("ix_call_submission_call_id"), "call_submission", ["call_id"], unique=False
    )


def _paper() -> None:
    op.create_table(
        "call_paper",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("code", TEXT(), nullable=False),
        sa.Column("title", TEXT(), nullable=False),
        sa.Column("body", TEXT(), nullable=False),
        sa.Column("documents", sa.Integer(), nullable=False),
        sa.Column("screening", TEXT(), nullable=False),
        sa.Column("reason", TEXT(), nullable=True),
        sa.Column("rank", sa.Integer(), nullable=True),
        sa.Column("score", sa.Integer(), nullable=True),
        sa.Column("trace", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("excluded", sa.Boolean(), nullable=False),
        sa.Column("withdrawn", sa.Boolean(), nullable=False),
        _check(
            "ck_call_paper_refused_for_reason", "(screening = 'refused') = (reason IS NOT NULL)"
        ),
        _check("ck_call_paper_screening", "screening IN ('admitted', 'pending', 'refused')"),
        _check("ck_call_paper_ranked_whole", "(rank IS NULL) = (score IS NULL) AND rank >= 1"),
        _check("ck_call_paper_score_in_bounds", "score BETWEEN 0 AND 100000"),
        _key("fk_call_paper_id_call_submission", ["id"], ["call_submission.id"]),
        _key(
            "fk_call_paper_organisation_id_call_id_call",
            ["organisation_id", "call_id"],
            ["call.organisation_id", "call.id"],
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call_paper")),
        _unique("uq_call_paper_call_id_code", "call_id", "code"),
        _unique("uq_call_paper_organisation_id_id", "organisation_id", "id"),
    )


def _submission_version() -> None:
    op.create_table(
        "call_submission_version",
        sa.Column("submission_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("title", TEXT(), nullable=False),
        sa.Column("body", TEXT(), nullable=False),
        sa.Column("document_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        _check("ck_call_submission_version_version_positive", "version >= 1"),
        _key(
            "fk_call_submission_version_organisation_id_submission_id_call_submission",
            ["organisation_id", "submission_id"],
            ["call_submission.organisation_id", "call_submission.id"],
        ),
        sa.PrimaryKeyConstraint(
            "submission_id", "version", name=op.f("pk_call_submission_version")
        ),
    )


def _appeal() -> None:
    op.create_table(
        "call_appeal",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("code", TEXT(), nullable=False),
        sa.Column("ground", TEXT(), nullable=False),
        sa.Column("state", TEXT(), nullable=False),
        sa.Column("reason", TEXT(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        _check("ck_call_appeal_decided_with_reason", "(state = 'open') = (reason IS NULL)"),
        _check("ck_call_appeal_state", "state IN ('dismissed', 'open', 'upheld')"),
        _key(
            "fk_call_appeal_call_id_code_call_paper",
            ["call_id", "code"],
            ["call_paper.call_id", "call_paper.code"],
        ),
        _key(
            "fk_call_appeal_organisation_id_organisation", ["organisation_id"], ["organisation.id"]
        ),
        _key(
            "fk_call_appeal_owner_id_call_id_call",
            ["owner_id", "call_id"],
            ["call.organisation_id", "call.id"],
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call_appeal")),
        _unique("uq_call_appeal_organisation_id_id", "organisation_id", "id"),
    )
    op.create_index(
        "ix_call_appeal_open",
        "call_appeal",
        ["call_id"],
        unique=False,
        postgresql_where=sa.text("state = 'open'"),
    )


def _award() -> None:
    op.create_table(
        "call_award",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("winner_id", sa.Uuid(), nullable=False),
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("paper_id", sa.Uuid(), nullable=False),
        sa.Column("code", TEXT(), nullable=False),
        sa.Column("title", TEXT(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("certificate", TEXT(), nullable=False),
        sa.Column("prize_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", TEXT(), nullable=True),
        sa.Column("escrow_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        _check("ck_call_award_prize_is_money", "(prize_minor IS NULL) = (currency IS NULL)"),
        _key("fk_call_award_escrow_id_ledger_escrow", ["escrow_id"], ["ledger_escrow.id"]),
        _key(
            "fk_call_award_organisation_id_call_id_call",
            ["organisation_id", "call_id"],
            ["call.organisation_id", "call.id"],
        ),
        _key(
            "fk_call_award_organisation_id_paper_id_call_paper",
            ["organisation_id", "paper_id"],
            ["call_paper.organisation_id", "call_paper.id"],
        ),
        _key("fk_call_award_winner_id_organisation", ["winner_id"], ["organisation.id"]),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call_award")),
        _unique("uq_call_award_certificate", "certificate"),
        _unique("uq_call_award_paper_id", "paper_id"),
    )
    op.create_index(op.f("ix_call_award_call_id"), "call_award", ["call_id"], unique=False)


def _review() -> None:
    op.create_table(
        "call_review",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("paper_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("state", TEXT(), nullable=False),
        sa.Column("reason", TEXT(), nullable=True),
        sa.Column("assigned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        _check("ck_call_review_decided_when", "(state = 'assigned') = (decided_at IS NULL)"),
        _check(
            "ck_call_review_declined_for_reason",
            "(state IN ('declined', 'replaced')) = (reason IS NOT NULL)",
        ),
        _check("ck_call_review_state", "state IN ('assigned', 'declined', 'done', 'replaced')"),
        _key(
            "fk_call_review_organisation_id_call_id_call",
            ["organisation_id", "call_id"],
            ["call.organisation_id", "call.id"],
        ),
        _key(
            "fk_call_review_organisation_id_paper_id_call_paper",
            ["organisation_id", "paper_id"],
            ["call_paper.organisation_id", "call_paper.id"],
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call_review")),
        _unique("uq_call_review_organisation_id_id", "organisation_id", "id"),
        _unique("uq_call_review_paper_id_person_id", "paper_id", "person_id"),
    )
    op.create_index(
        "ix_call_review_declined",
        "call_review",
        ["call_id"],
        postgresql_where=sa.text("state = 'declined'"),
    )
    op.create_index(op.f("ix_call_review_call_id"), "call_review", ["call_id"], unique=False)
    op.create_index(
        op.f("ix_call_review_person_id_id"), "call_review", ["person_id", "id"], unique=False
    )


def _score() -> None:
    op.create_table(
        "call_score",
        sa.Column("review_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("paper_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("scores", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("comment", TEXT(), nullable=False),
        _check("ck_call_score_scores_object", "jsonb_typeof(scores) = 'object'"),
        _key(
            "fk_call_score_organisation_id_paper_id_call_paper",
            ["organisation_id", "paper_id"],
            ["call_paper.organisation_id", "call_paper.id"],
        ),
        _key(
            "fk_call_score_organisation_id_review_id_call_review",
            ["organisation_id", "review_id"],
            ["call_review.organisation_id", "call_review.id"],
        ),
        sa.PrimaryKeyConstraint("review_id", name=op.f("pk_call_score")),
    )
    op.create_index(op.f("ix_call_score_paper_id"), "call_score", ["paper_id"], unique=False)


def _protection() -> Iterator[str]:
    """Requests never move a call on, nor award: the worker does, which also sees who submitted."""
    called = "EXISTS (SELECT FROM call_juror WHERE call_juror.call_id = call.id AND {})"
    yield from protect(
        "call",
        read=f"({VISIBLE} OR {called.format(JUROR)})",
        write=OWN,
        privileges="SELECT, INSERT, UPDATE (stage_until)",
    )
    yield from protect(
        "call_juror",
        read=f"({OWN} OR {JUROR})",
        write=OWN,
        privileges="SELECT, INSERT, DELETE",
    )
    # In a blind call not even its owner sees who submitted, until the award.
    named = (
        "EXISTS (SELECT FROM call WHERE call.id = call_id"
        " AND (NOT call.blind OR call.stage = 'awarded'))"
    )
    yield from protect(
        "call_submission",
        read=f"({OWN} OR ({own('owner_id')} AND {named}))",
        write=OWN,
        insert=f"{OWN} AND {SEEN_CALL}",
        privileges="SELECT, INSERT, UPDATE",
    )
    yield from protect("call_submission_version", read=OWN, insert=OWN, privileges="SELECT, INSERT")
    waits = "screening = 'pending' AND rank IS NULL AND NOT excluded"
    judged = "EXISTS (SELECT FROM call_review WHERE call_review.paper_id = call_paper.id AND {})"
    yield from protect(
        "call_paper",
        read=f"({OWN} OR {OWN_SUBMISSION} OR {judged.format(JUROR)})",
        write=f"({OWN} OR ({waits} AND {OWN_SUBMISSION}))",
        insert=f"{waits} AND {OWN_SUBMISSION}",
        privileges="SELECT, INSERT, UPDATE (title, body, documents, screening, reason, excluded, withdrawn)",
    )
    yield from protect(
        "call_review",
        read=f"({OWN} OR {JUROR})",
        write=JUROR,
        privileges="SELECT, UPDATE (state, reason, decided_at)",
    )
    mine = (
        "EXISTS (SELECT FROM call_review AS mine WHERE mine.paper_id = call_score.paper_id"
        f" AND mine.state = 'done' AND {actor('mine.person_id')})"
    )
    yield from protect(
        "call_score",
        read=f"({JUROR} OR {mine})",
        insert=JUROR,
        privileges="SELECT, INSERT",
    )
    yield from protect("call_notice", read=SEEN_CALL, insert=OWN, privileges="SELECT, INSERT")
    yield from protect(
        "call_appeal",
        read=f"({OWN} OR {own('owner_id')})",
        insert=f"{OWN} AND {SEEN_CALL}",
        privileges="SELECT, INSERT, UPDATE (state, reason)",
    )
    yield (
        f"CREATE POLICY call_appeal_decide ON call_appeal FOR UPDATE TO {APP}"
        f" USING ({own('owner_id')}) WITH CHECK ({own('owner_id')})"
    )
    yield from protect("call_award", read=SEEN_CALL, privileges="SELECT")
