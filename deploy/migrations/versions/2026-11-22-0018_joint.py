"""Joint bookings: several bookings that are held and confirmed all or none."""

from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

from services.runtime.row_security import OWN, protect

revision = "0018_joint"
down_revision = "0016_nominal_size"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A table somebody holds must fail the migration, not stop the platform behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    _joint()
    _legs()
    for statement in (*_guards(), *_protection()):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("legs would forget that they belong together; restore a backup")


def _joint() -> None:
    op.create_table(
        "joint",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("demand_id", sa.Uuid(), nullable=True),
        sa.Column("legs", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("legs BETWEEN 1 AND 12", name=op.f("ck_joint_legs")),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_joint_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_joint")),
        sa.UniqueConstraint("organisation_id", "id", name=op.f("uq_joint_organisation_id_id")),
    )


def _legs() -> None:
    op.add_column("booking", sa.Column("joint_id", sa.Uuid(), nullable=True))
    op.add_column("booking", sa.Column("leg", sa.Integer(), nullable=True))
    op.create_check_constraint(
        op.f("ck_booking_leg_of_joint"), "booking", "(joint_id IS NULL) = (leg IS NULL)"
    )
    op.create_check_constraint(op.f("ck_booking_leg"), "booking", "leg >= 1")
    op.create_index(
        "uq_booking_joint_id_leg",
        "booking",
        ["joint_id", "leg"],
        unique=True,
        postgresql_where=sa.text("joint_id IS NOT NULL"),
    )
    op.create_foreign_key(
        op.f("fk_booking_organisation_id_joint_id_joint"),
        "booking",
        "joint",
        ["organisation_id", "joint_id"],
        ["organisation_id", "id"],
    )


def _guards() -> Iterator[str]:
    """Looked at when the transaction commits: its bookings come one after the other."""
    yield """
        CREATE FUNCTION joint_is_held_whole() RETURNS trigger LANGUAGE plpgsql
            SET search_path = pg_catalog AS $$
        BEGIN
          IF NEW.legs <> (SELECT count(*) FROM public.booking WHERE joint_id = NEW.id) THEN
            RAISE EXCEPTION 'joint %: it is held whole, or not at all', NEW.id
              USING ERRCODE = 'check_violation';
          END IF;
          RETURN NULL;
        END $$
    """
    yield """
        CREATE FUNCTION joint_is_confirmed_whole() RETURNS trigger LANGUAGE plpgsql
            SET search_path = pg_catalog AS $$
        BEGIN
          IF (SELECT legs FROM public.joint WHERE id = NEW.joint_id) IS DISTINCT FROM
             (SELECT count(*) FROM public.booking
               WHERE joint_id = NEW.joint_id AND state = 'confirmed') THEN
            RAISE EXCEPTION 'joint %: it is confirmed whole, or not at all', NEW.joint_id
              USING ERRCODE = 'check_violation';
          END IF;
          RETURN NULL;
        END $$
    """
    yield (
        "CREATE CONSTRAINT TRIGGER joint_is_held_whole AFTER INSERT ON joint"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION joint_is_held_whole()"
    )
    yield (
        "CREATE CONSTRAINT TRIGGER joint_is_confirmed_whole AFTER UPDATE OF state ON booking"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
        " WHEN (NEW.joint_id IS NOT NULL AND OLD.state = 'held' AND NEW.state = 'confirmed')"
        " EXECUTE FUNCTION joint_is_confirmed_whole()"
    )
    for function in ("joint_is_held_whole", "joint_is_confirmed_whole"):
        yield f"REVOKE EXECUTE ON FUNCTION {function}() FROM PUBLIC"


def _protection() -> Iterator[str]:
    # A provider sees the leg that is its own as a booking; of the others it learns nothing.
    yield from protect("joint", read=OWN, insert=OWN, privileges="SELECT, INSERT")
