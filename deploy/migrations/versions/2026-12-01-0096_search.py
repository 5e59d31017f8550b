"""Search over things of several sources, titles by weight, and the words a slip is corrected to.

What is indexed already stays findable; `nonagon search rebuild` gives titles their weight and fills
the words.
"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

from services.runtime.row_security import protect

revision = "0096_search"
down_revision = "0095_library"
branch_labels = None
depends_on = None

TEXT = sqlmodel.sql.sqltypes.AutoString


def upgrade() -> None:
    # A table somebody holds must fail the migration, not stop the platform behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    op.add_column(
        "search_document", sa.Column("source", TEXT(), nullable=False, server_default="offer")
    )
    op.alter_column("search_document", "source", server_default=None)
    op.execute("""UPDATE search_document SET facets = facets || '{"source": ["offer"]}'""")
    op.create_table(
        "search_word",
        sa.Column("word", TEXT(), nullable=False),
        sa.PrimaryKeyConstraint("word", name=op.f("pk_search_word")),
    )
    op.create_index(
        "ix_search_word_trigrams",
        "search_word",
        ["word"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"word": "gin_trgm_ops"},
    )
    for statement in protect("search_word", read="true", privileges="SELECT"):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("search_word")
    op.drop_column("search_document", "source")
