"""Idea boxes with votes and stages of funding; promotion of offers to the public market."""

from collections.abc import Iterator

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

from services.runtime.row_security import OWN, SELF, actor, protect

revision = "0115_ideas"
down_revision = "0112_after_awards"
branch_labels = None
depends_on = None

IDEA_GOES_FORWARD = """
CREATE FUNCTION idea_goes_forward() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.state, NEW.stage) IS DISTINCT FROM (OLD.state, OLD.stage)
     AND (OLD.state <> 'open' OR NEW.stage NOT IN (OLD.stage, OLD.stage + 1)) THEN
    RAISE EXCEPTION 'an idea that is % after % stages does not become % after %',
      OLD.state, OLD.stage, NEW.state, NEW.stage USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$
"""
VOTE_IS_IN_TIME = """
CREATE FUNCTION idea_vote_is_in_time() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM idea JOIN idea_box ON idea_box.id = idea.box_id
              WHERE idea.id = NEW.idea_id AND NEW.given_at >= idea_box.closes_at) THEN
    RAISE EXCEPTION 'the box of idea % closed before %', NEW.idea_id, NEW.given_at
      USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$
"""


def upgrade() -> None:
    # A table somebody holds must fail the migration, not stop the platform behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    _ideas()
    _voices()
    _promotions()
    for statement in (*_protection(), *_triggers()):
        op.execute(statement)


def _ideas() -> None:
    op.create_table(
        "idea_box",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("title", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("about", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("currency", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("budget_minor", sa.BigInteger(), nullable=False),
        sa.Column("spent_minor", sa.BigInteger(), nullable=False),
        sa.Column("stages", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("closes_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_idea_box_currency")),
        sa.CheckConstraint(
            "jsonb_array_length(stages) > 0 AND version >= 1", name=op.f("ck_idea_box_staged")
        ),
        sa.CheckConstraint(
            "spent_minor BETWEEN 0 AND budget_minor", name=op.f("ck_idea_box_within_budget")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_idea_box_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_idea_box")),
        sa.UniqueConstraint("organisation_id", "id", name=op.f("uq_idea_box_organisation_id_id")),
    )
    op.create_table(
        "idea",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("box_id", sa.Uuid(), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=False),
        sa.Column("title", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("text", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("state", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("stage", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('completed', 'declined', 'open')", name=op.f("ck_idea_state")
        ),
        sa.CheckConstraint("stage >= 0", name=op.f("ck_idea_stage_counted")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "box_id"],
            ["idea_box.organisation_id", "idea_box.id"],
            name=op.f("fk_idea_organisation_id_box_id_idea_box"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_idea")),
        sa.UniqueConstraint("organisation_id", "id", name=op.f("uq_idea_organisation_id_id")),
    )
    op.create_index("ix_idea_box_id_id", "idea", ["box_id", "id"], unique=False)


def _voices() -> None:
    op.create_table(
        "idea_comment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("idea_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("text", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id", "idea_id"],
            ["idea.organisation_id", "idea.id"],
            name=op.f("fk_idea_comment_organisation_id_idea_id_idea"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_idea_comment")),
    )
    op.create_index("ix_idea_comment_idea_id_id", "idea_comment", ["idea_id", "id"], unique=False)
    op.create_table(
        "idea_decision",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("idea_id", sa.Uuid(), nullable=False),
        sa.Column("stage", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("outcome", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "amount_minor >= 0 AND (outcome = 'advance' OR amount_minor = 0)",
            name=op.f("ck_idea_decision_amount"),
        ),
        sa.CheckConstraint(
            "outcome IN ('advance', 'decline')", name=op.f("ck_idea_decision_outcome")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "idea_id"],
            ["idea.organisation_id", "idea.id"],
            name=op.f("fk_idea_decision_organisation_id_idea_id_idea"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_idea_decision")),
        sa.UniqueConstraint("idea_id", "stage", name=op.f("uq_idea_decision_idea_id_stage")),
    )
    op.create_index("ix_idea_decision_idea_id_id", "idea_decision", ["idea_id", "id"], unique=False)
    op.create_table(
        "idea_vote",
        sa.Column("idea_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("value", sa.Integer(), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("value IN (-1, 1)", name=op.f("ck_idea_vote_value")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "idea_id"],
            ["idea.organisation_id", "idea.id"],
            name=op.f("fk_idea_vote_organisation_id_idea_id_idea"),
        ),
        sa.PrimaryKeyConstraint("idea_id", "person_id", name=op.f("pk_idea_vote")),
    )


def _promotions() -> None:
    op.create_table(
        "offer_promotion",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("offer_id", sa.Uuid(), nullable=False),
        sa.Column("offer_version", sa.Integer(), nullable=False),
        sa.Column("state", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("asked_by", sa.Uuid(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("remark", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.CheckConstraint(
            "(state = 'asked') = (decided_by IS NULL) AND (state = 'asked') = (decided_at IS NULL)",
            name=op.f("ck_offer_promotion_decided_whole"),
        ),
        sa.CheckConstraint(
            "state IN ('approved', 'asked', 'declined')", name=op.f("ck_offer_promotion_state")
        ),
        sa.CheckConstraint("decided_by <> asked_by", name=op.f("ck_offer_promotion_four_eyes")),
        sa.CheckConstraint("offer_version >= 1", name=op.f("ck_offer_promotion_version_positive")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "offer_id"],
            ["offer.organisation_id", "offer.id"],
            name=op.f("fk_offer_promotion_organisation_id_offer_id_offer"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offer_promotion")),
    )
    op.create_index(
        "ix_offer_promotion_offer_id_id", "offer_promotion", ["offer_id", "id"], unique=False
    )
    op.create_index(
        "uq_offer_promotion_asked",
        "offer_promotion",
        ["offer_id"],
        unique=True,
        postgresql_where=sa.text("state = 'asked'"),
    )
    op.add_column(
        "offer_version", sa.Column("visibility", sqlmodel.sql.sqltypes.AutoString(), nullable=True)
    )


def downgrade() -> None:
    op.drop_column("offer_version", "visibility")
    op.drop_index(
        "uq_offer_promotion_asked",
        table_name="offer_promotion",
        postgresql_where=sa.text("state = 'asked'"),
    )
    op.drop_index("ix_offer_promotion_offer_id_id", table_name="offer_promotion")
    op.drop_table("offer_promotion")
    op.drop_table("idea_vote")
    op.drop_index("ix_idea_decision_idea_id_id", table_name="idea_decision")
    op.drop_table("idea_decision")
    op.drop_index("ix_idea_comment_idea_id_id", table_name="idea_comment")
    op.drop_table("idea_comment")
    op.drop_index("ix_idea_box_id_id", table_name="idea")
    op.drop_table("idea")
    op.drop_table("idea_box")
    op.execute("DROP FUNCTION idea_goes_forward()")
    op.execute("DROP FUNCTION idea_vote_is_in_time()")


def _protection() -> Iterator[str]:
    """Nobody outside the firm sees anything of it; votes and comments are their person's own."""
    yield from protect(
        "idea_box",
        read=OWN,
        write=OWN,
        privileges="SELECT, INSERT,"
        " UPDATE (title, about, budget_minor, spent_minor, closes_at, version)",
    )
    yield from protect(
        "idea",
        read=OWN,
        write=OWN,
        insert=f"{OWN} AND {actor('author_id')} AND state = 'open' AND stage = 0",
        privileges="SELECT, INSERT, UPDATE (state, stage, account_id, updated_at)",
    )
    yield from protect(
        "idea_vote",
        read=OWN,
        write=f"{OWN} AND {SELF}",
        privileges="SELECT, INSERT, UPDATE (value, given_at), DELETE",
    )
    yield from protect(
        "idea_comment", read=OWN, insert=f"{OWN} AND {SELF}", privileges="SELECT, INSERT"
    )
    yield from protect(
        "idea_decision",
        read=OWN,
        insert=f"{OWN} AND {actor('decided_by')}",
        privileges="SELECT, INSERT",
    )
    yield from protect(
        "offer_promotion",
        read=f"{OWN} AND EXISTS (SELECT FROM offer WHERE offer.id = offer_promotion.offer_id)",
        write=OWN,
        insert=f"{OWN} AND {actor('asked_by')} AND state = 'asked'",
        privileges="SELECT, INSERT, UPDATE (state, decided_by, decided_at, remark)",
    )


def _triggers() -> Iterator[str]:
    yield IDEA_GOES_FORWARD
    yield (
        "CREATE TRIGGER idea_goes_forward BEFORE UPDATE ON idea"
        " FOR EACH ROW EXECUTE FUNCTION idea_goes_forward()"
    )
    yield VOTE_IS_IN_TIME
    yield (
        "CREATE TRIGGER idea_vote_is_in_time BEFORE INSERT OR UPDATE ON idea_vote"
        " FOR EACH ROW EXECUTE FUNCTION idea_vote_is_in_time()"
    )
    for function in ("idea_goes_forward", "idea_vote_is_in_time"):
        yield f"REVOKE EXECUTE ON FUNCTION {function}() FROM PUBLIC"
