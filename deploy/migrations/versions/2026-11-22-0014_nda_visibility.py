"""What is visible under an NDA is read by those who signed one."""

from alembic import op

from services.runtime.database_roles import APP
from services.runtime.nda_rule import LISTING_SUBJECTS, OFFER_SUBJECTS, RESOURCE_SUBJECTS, under_nda
from services.runtime.row_security import VISIBLE

revision = "0014_nda_visibility"
down_revision = "0013_risk"
branch_labels = None
depends_on = None

SUBJECTS = {
    "resource": RESOURCE_SUBJECTS,
    "offer": OFFER_SUBJECTS,
    "listing": LISTING_SUBJECTS,
}


def upgrade() -> None:
    # A table somebody holds must fail the migration, not stop the platform behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table, subjects in SUBJECTS.items():
        confided = f"(visibility = 'nda' AND {under_nda(table, subjects=subjects)})"
        _read(table, f"({VISIBLE} OR {confided})")


def downgrade() -> None:
    for table in SUBJECTS:
        _read(table, VISIBLE)


def _read(table: str, readable: str) -> None:
    op.execute(f"DROP POLICY {table}_read ON {table}")
    op.execute(f"CREATE POLICY {table}_read ON {table} FOR SELECT TO {APP} USING ({readable})")
