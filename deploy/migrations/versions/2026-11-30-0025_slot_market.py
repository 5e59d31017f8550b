"""Terms of cancellation, what they came to, and bookings that move to another slot."""

from collections.abc import Iterator
from typing import Final

import sqlalchemy as sa
import sqlmodel
from alembic import op

from services.runtime.database_roles import APP
from services.runtime.row_security import OF_VISIBLE_RESOURCE, OWN, protect

revision = "0025_slot_market"
down_revision = "0023_writer"
branch_labels = None
depends_on = None

TERMS: Final = {
    "free_minutes": (sa.Integer, 576_000),
    "late_percent": (sa.Integer, 100),
    "late_minimum_minor": (sa.BigInteger, 10**15),
    "no_show_percent": (sa.Integer, 100),
    "no_show_minimum_minor": (sa.BigInteger, 10**15),
    "grace_minutes": (sa.Integer, 1_440),
}
SLOT: Final = "during, units, setup_minutes, price_minor, currency"
CHARGE: Final = "charge_minor, charge_reason"


def upgrade() -> None:
    # A table somebody holds must fail the migration, not stop the platform behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    _terms()
    _charge()
    _policy()
    op.create_index(
        "ix_booking_open_hold",
        "booking",
        ["organisation_id", "hold_until"],
        postgresql_where=sa.text("state = 'held'"),
    )
    for statement in (*_guards(), *_protection()):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("bookings would forget what was agreed; restore a backup")


def _terms() -> None:
    for name, (kind, most) in TERMS.items():
        op.add_column(
            "booking", sa.Column(name, kind(), nullable=False, server_default=sa.text("0"))
        )
        op.create_check_constraint(
            op.f(f"ck_booking_{name}_range"), "booking", f"{name} BETWEEN 0 AND {most}"
        )


def _charge() -> None:
    op.add_column("booking", sa.Column("charge_minor", sa.BigInteger(), nullable=True))
    op.add_column(
        "booking", sa.Column("charge_reason", sqlmodel.sql.sqltypes.AutoString(), nullable=True)
    )
    for name, holds in (
        ("charge_has_reason", "num_nonnulls(charge_minor, charge_reason) <> 1"),
        ("charge_within_price", "charge_minor BETWEEN 1 AND coalesce(price_minor, 0)"),
        (
            "charge_of_state",
            (
                "charge_reason IN ('late_cancellation', 'no_show')"
                " AND (charge_reason = 'no_show') = (state = 'no_show')"
                " AND (charge_reason = 'late_cancellation') = (state = 'cancelled')"
            ),
        ),
    ):
        op.create_check_constraint(op.f(f"ck_booking_{name}"), "booking", holds)


def _policy() -> None:
    op.create_table(
        "cancellation_policy",
        sa.Column("resource_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        *(sa.Column(name, kind(), nullable=False) for name, (kind, _) in TERMS.items()),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        *(
            sa.CheckConstraint(
                f"{name} BETWEEN 0 AND {most}", name=op.f(f"ck_cancellation_policy_{name}_range")
            )
            for name, (_, most) in TERMS.items()
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "resource_id"],
            ["resource.organisation_id", "resource.id"],
            name=op.f("fk_cancellation_policy_organisation_id_resource_id_resource"),
        ),
        sa.PrimaryKeyConstraint("resource_id", name=op.f("pk_cancellation_policy")),
    )


def _guards() -> Iterator[str]:
    """The slot changes while nobody has used it, by its buyer; a charge is set once."""
    yield """
        CREATE FUNCTION booking_keeps_what_was_agreed() RETURNS trigger LANGUAGE plpgsql
            SET search_path = pg_catalog AS $$
        DECLARE
          acting uuid := nullif(current_setting('app.org', true), '')::uuid;
        BEGIN
          IF (NEW.during, NEW.units, NEW.setup_minutes, NEW.price_minor, NEW.currency)
               IS DISTINCT FROM
             (OLD.during, OLD.units, OLD.setup_minutes, OLD.price_minor, OLD.currency)
             AND (OLD.state NOT IN ('held', 'confirmed') OR acting <> OLD.organisation_id) THEN
            RAISE EXCEPTION 'booking %: its buyer moves it, and only before it is used', OLD.id
              USING ERRCODE = 'insufficient_privilege';
          END IF;
          IF OLD.charge_minor IS NOT NULL
             AND (NEW.charge_minor, NEW.charge_reason)
               IS DISTINCT FROM (OLD.charge_minor, OLD.charge_reason) THEN
            RAISE EXCEPTION 'booking %: a charge stays what it was', OLD.id
              USING ERRCODE = 'insufficient_privilege';
          END IF;
          RETURN NEW;
        END $$
    """
    yield "REVOKE EXECUTE ON FUNCTION booking_keeps_what_was_agreed() FROM PUBLIC"
    yield (
        f"CREATE TRIGGER booking_keeps_what_was_agreed BEFORE UPDATE OF {SLOT}, {CHARGE} ON booking"
        " FOR EACH ROW EXECUTE FUNCTION booking_keeps_what_was_agreed()"
    )


def _protection() -> Iterator[str]:
    yield f"GRANT UPDATE ({SLOT}, {CHARGE}) ON booking TO {APP}"
    # A buyer reads the terms before it agrees to them.
    yield from protect("cancellation_policy", read=OF_VISIBLE_RESOURCE, write=OWN)
