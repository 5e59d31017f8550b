"""What offers say, one value a row, so that lists narrowed by it are read from an index."""

from collections.abc import Iterator

import sqlalchemy as sa
import sqlmodel
from alembic import op

from services.runtime.nda_rule import under_nda
from services.runtime.row_security import OWN, VISIBLE, protect

revision = "0116_offer_facts"
down_revision = "0115_ideas"
branch_labels = None
depends_on = None

TEXT = sqlmodel.sql.sqltypes.AutoString
FACTS = """
SELECT told.id, said.name, said.place, told.organisation_id, told.direction, said.term,
       CASE WHEN said.kind = 'number' THEN said.term::double precision END,
       told.visibility, told.park, told.space_id
  FROM {offer} AS told CROSS JOIN LATERAL (
    SELECT DISTINCT ON (one.key, term) one.key AS name, item.place::integer AS place,
           left(item.value #>> '{{}}', 200) AS term, jsonb_typeof(item.value) AS kind
      FROM jsonb_each(told.attributes) AS one CROSS JOIN LATERAL jsonb_array_elements(
        CASE jsonb_typeof(one.value) WHEN 'array' THEN one.value
             ELSE jsonb_build_array(one.value) END) WITH ORDINALITY AS item (value, place)
     WHERE jsonb_typeof(item.value) IN ('string', 'number', 'boolean')
     ORDER BY one.key, term, item.place) AS said
"""
KEEP_FACTS = """
CREATE FUNCTION offer_keeps_facts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    DELETE FROM offer_fact WHERE offer_id = NEW.id;
  END IF;
  INSERT INTO offer_fact {facts};
  RETURN NULL;
END $$
"""


def upgrade() -> None:
    # A table somebody holds must fail the migration, not stop the platform behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "offer_fact",
        sa.Column("offer_id", sa.Uuid(), nullable=False),
        sa.Column("name", TEXT(), nullable=False),
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("direction", sa.Integer(), nullable=False),
        sa.Column("term", TEXT(), nullable=False),
        sa.Column("number", sa.Float(), nullable=True),
        sa.Column("visibility", TEXT(), nullable=False),
        sa.Column("park", TEXT(), nullable=True),
        sa.Column("space_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["organisation_id", "offer_id"],
            ["offer.organisation_id", "offer.id"],
            name=op.f("fk_offer_fact_organisation_id_offer_id_offer"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("offer_id", "name", "place", name=op.f("pk_offer_fact")),
    )
    _fill()
    op.create_index("ix_offer_fact_term", "offer_fact", ["direction", "name", "term", "offer_id"])
    op.create_index(
        "ix_offer_fact_number",
        "offer_fact",
        ["direction", "name", "number", "offer_id"],
        postgresql_where=sa.text("number IS NOT NULL"),
    )
    for statement in _protection():
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TRIGGER offer_keeps_facts ON offer")
    op.execute("DROP FUNCTION offer_keeps_facts()")
    op.drop_table("offer_fact")


def _fill() -> None:
    """From the offers there are: their owner reads them while row security does not bind it."""
    op.execute("ALTER TABLE offer NO FORCE ROW LEVEL SECURITY")
    op.execute("INSERT INTO offer_fact" + FACTS.format(offer="offer"))
    op.execute("ALTER TABLE offer FORCE ROW LEVEL SECURITY")


def _protection() -> Iterator[str]:
    """A fact is shown to whom its offer is."""
    subjects = (("'offer'", "offer_fact.offer_id"),)
    confided = under_nda("offer_fact", subjects=subjects)
    yield from protect(
        "offer_fact",
        read=f"{VISIBLE} OR (visibility = 'nda' AND {confided})",
        write=OWN,
        privileges="SELECT, INSERT, DELETE",
    )
    yield KEEP_FACTS.format(facts=FACTS.format(offer="(SELECT NEW.*)"))
    yield "REVOKE EXECUTE ON FUNCTION offer_keeps_facts() FROM PUBLIC"
    yield (
        "CREATE TRIGGER offer_keeps_facts AFTER INSERT OR"
        " UPDATE OF attributes, direction, visibility, park, space_id ON offer"
        " FOR EACH ROW EXECUTE FUNCTION offer_keeps_facts()"
    )
