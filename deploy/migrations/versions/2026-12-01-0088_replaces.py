"""A booking made instead of one at risk names it."""

from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

from services.runtime.database_roles import APP

revision = "0088_replaces"
down_revision = "0087_invoices"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A table somebody holds must fail the migration, not stop the platform behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column("booking", sa.Column("replaces_id", sa.Uuid(), nullable=True))
    op.create_check_constraint(op.f("ck_booking_replaces_another"), "booking", "replaces_id <> id")
    op.create_foreign_key(
        op.f("fk_booking_replaces_id_booking"), "booking", "booking", ["replaces_id"], ["id"]
    )
    op.create_index(
        "uq_booking_replaces_id",
        "booking",
        ["replaces_id"],
        unique=True,
        postgresql_where=sa.text("replaces_id IS NOT NULL"),
    )
    for statement in _guards():
        op.execute(statement)


def _guards() -> Iterator[str]:
    """A leg's place is handed from what was given back to what replaces it, and never lost."""
    yield f"GRANT UPDATE (joint_id, leg) ON booking TO {APP}"
    yield """
        CREATE FUNCTION booking_hands_its_leg_over() RETURNS trigger LANGUAGE plpgsql
            SET search_path = pg_catalog AS $$
        BEGIN
          IF (NEW.joint_id IS NULL AND NEW.state <> 'cancelled') OR (NEW.joint_id IS NOT NULL
              AND (OLD.joint_id IS NOT NULL OR NEW.replaces_id IS NULL)) THEN
            RAISE EXCEPTION 'booking %: a leg goes from what was given back to what replaces it',
              NEW.id USING ERRCODE = 'check_violation';
          END IF;
          RETURN NEW;
        END $$
    """
    yield """
        CREATE FUNCTION joint_keeps_its_legs() RETURNS trigger LANGUAGE plpgsql
            SET search_path = pg_catalog AS $$
        DECLARE concerned uuid := coalesce(NEW.joint_id, OLD.joint_id);
        BEGIN
          IF (SELECT legs FROM public.joint WHERE id = concerned) IS DISTINCT FROM
             (SELECT count(*) FROM public.booking WHERE joint_id = concerned) THEN
            RAISE EXCEPTION 'joint %: it keeps as many legs as it was held with', concerned
              USING ERRCODE = 'check_violation';
          END IF;
          RETURN NULL;
        END $$
    """
    changed = "WHEN ((OLD.joint_id, OLD.leg) IS DISTINCT FROM (NEW.joint_id, NEW.leg))"
    yield (
        "CREATE TRIGGER booking_hands_its_leg_over BEFORE UPDATE OF joint_id, leg ON booking"
        f" FOR EACH ROW {changed} EXECUTE FUNCTION booking_hands_its_leg_over()"
    )
    yield (
        "CREATE CONSTRAINT TRIGGER joint_keeps_its_legs AFTER UPDATE OF joint_id, leg ON booking"
        f" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW {changed}"
        " EXECUTE FUNCTION joint_keeps_its_legs()"
    )
    for function in ("booking_hands_its_leg_over", "joint_keeps_its_legs"):
        yield f"REVOKE EXECUTE ON FUNCTION {function}() FROM PUBLIC"


def downgrade() -> None:
    op.execute("DROP TRIGGER joint_keeps_its_legs ON booking")
    op.execute("DROP TRIGGER booking_hands_its_leg_over ON booking")
    op.execute("DROP FUNCTION joint_keeps_its_legs()")
    op.execute("DROP FUNCTION booking_hands_its_leg_over()")
    op.execute(f"REVOKE UPDATE (joint_id, leg) ON booking FROM {APP}")
    op.drop_index("uq_booking_replaces_id", "booking")
    op.drop_constraint(op.f("fk_booking_replaces_id_booking"), "booking")
    op.drop_constraint(op.f("ck_booking_replaces_another"), "booking")
    op.drop_column("booking", "replaces_id")
