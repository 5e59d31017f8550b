"""A party signs for itself only, and neither party of a booking rewrites what was agreed."""

from alembic import op

from services.runtime.database_roles import APP
from services.runtime.row_security import OWN, own

revision = "0015_own_side"
down_revision = "0014_nda_visibility"
branch_labels = None
depends_on = None

PARTY = f"({OWN} OR {own('counterparty_id')})"
OWN_SIDE = (
    f"(({OWN} AND counterparty_signed_at IS NULL)"
    f" OR ({own('counterparty_id')} AND owner_signed_at IS NULL))"
)
SIGNING = (
    "owner_signed_at, owner_signed_by, counterparty_signed_at, counterparty_signed_by,"
    " revoked_at, revoked_by"
)
BOOKING_LIFE = "state, hold_until, at_risk, at_risk_reason, updated_at, version"


def upgrade() -> None:
    # A table somebody holds must fail the migration, not stop the platform behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DROP POLICY nda_insert ON nda")
    op.execute(f"CREATE POLICY nda_insert ON nda FOR INSERT TO {APP} WITH CHECK ({OWN_SIDE})")
    op.execute(f"REVOKE UPDATE ON nda FROM {APP}")
    op.execute(f"GRANT UPDATE ({SIGNING}) ON nda TO {APP}")
    op.execute("""
        CREATE FUNCTION nda_signatures() RETURNS trigger LANGUAGE plpgsql
            SET search_path = pg_catalog AS $$
        DECLARE
          acting uuid := nullif(current_setting('app.org', true), '')::uuid;
        BEGIN
          IF (NEW.owner_signed_at, NEW.owner_signed_by)
               IS DISTINCT FROM (OLD.owner_signed_at, OLD.owner_signed_by)
             AND (OLD.owner_signed_at IS NOT NULL OR acting <> NEW.organisation_id)
             OR (NEW.counterparty_signed_at, NEW.counterparty_signed_by)
               IS DISTINCT FROM (OLD.counterparty_signed_at, OLD.counterparty_signed_by)
             AND (OLD.counterparty_signed_at IS NOT NULL OR acting <> NEW.counterparty_id) THEN
            RAISE EXCEPTION 'nda %: each side signs once, and for itself', OLD.id
              USING ERRCODE = 'insufficient_privilege';
          END IF;
          IF OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS DISTINCT FROM OLD.revoked_at THEN
            RAISE EXCEPTION 'nda %: what was revoked stays so', OLD.id
              USING ERRCODE = 'insufficient_privilege';
          END IF;
          RETURN NEW;
        END $$
    """)
    op.execute("REVOKE EXECUTE ON FUNCTION nda_signatures() FROM PUBLIC")
    op.execute(
        "CREATE TRIGGER nda_signatures BEFORE UPDATE ON nda"
        " FOR EACH ROW EXECUTE FUNCTION nda_signatures()"
    )
    op.execute(f"REVOKE UPDATE ON booking FROM {APP}")
    op.execute(f"GRANT UPDATE ({BOOKING_LIFE}) ON booking TO {APP}")


def downgrade() -> None:
    op.execute(f"GRANT UPDATE ON booking, nda TO {APP}")
    op.execute("DROP TRIGGER nda_signatures ON nda")
    op.execute("DROP FUNCTION nda_signatures()")
    op.execute("DROP POLICY nda_insert ON nda")
    op.execute(f"CREATE POLICY nda_insert ON nda FOR INSERT TO {APP} WITH CHECK ({PARTY})")
