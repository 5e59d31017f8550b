"""What is known of both sides of deals: facts, and the scores made of them."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
import sqlmodel
from alembic import op

from services.runtime.row_security import OWN, own, protect

revision = "0042_deal_facts"
down_revision = "0041_orders"
branch_labels = None
depends_on = None

TABLES = ("deal_fact", "deal_score")
TEXT = sqlmodel.sql.sqltypes.AutoString


def upgrade() -> None:
    # A table somebody holds must fail the migration, not stop the platform behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    _fact()
    _score()
    for statement in _protection():
        op.execute(statement)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)


def _fact() -> None:
    op.create_table("deal_fact", *_fact_columns(), *_fact_constraints())


def _fact_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("counterparty_id", sa.Uuid(), nullable=False),
        sa.Column("kind", TEXT(), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    ]


def _fact_constraints() -> list[sa.Constraint]:
    return [
        sa.CheckConstraint(
            "kind IN ('closed', 'decided', 'disputed', 'finished', 'inspected', 'paid', 'responded', 'started')",
            name=op.f("ck_deal_fact_kind"),
        ),
        sa.CheckConstraint("counterparty_id <> organisation_id", name=op.f("ck_deal_fact_of_two")),
        sa.CheckConstraint("value >= 0", name=op.f("ck_deal_fact_value_not_negative")),
        sa.ForeignKeyConstraint(
            ["counterparty_id"],
            ["organisation.id"],
            name=op.f("fk_deal_fact_counterparty_id_organisation"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_deal_fact_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deal_fact")),
        sa.UniqueConstraint(
            "organisation_id",
            "kind",
            "source_id",
            name=op.f("uq_deal_fact_organisation_id_kind_source_id"),
        ),
    ]


def _score() -> None:
    op.create_table("deal_score", *_score_columns(), *_score_constraints())


def _score_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("measure", TEXT(), nullable=False),
        sa.Column("sample", sa.Integer(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=True),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
    ]


def _score_constraints() -> list[sa.Constraint]:
    return [
        sa.CheckConstraint("sample >= 0", name=op.f("ck_deal_score_sample_not_negative")),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_deal_score_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("organisation_id", "measure", name=op.f("pk_deal_score")),
    ]


def _protection() -> Iterator[str]:
    yield from protect(
        "deal_fact",
        read=f"{OWN} OR {own('counterparty_id')}",
        insert=f"{OWN} OR {own('counterparty_id')}",
        privileges="SELECT, INSERT",
    )
    yield from protect("deal_score", read="true", privileges="SELECT")
