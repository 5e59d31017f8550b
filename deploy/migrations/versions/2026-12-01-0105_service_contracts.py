"""Service contracts on connected equipment: work orders, findings and facts."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

from services.runtime.database_roles import APP
from services.runtime.row_security import OWN, own, protect

revision = "0105_service_contracts"
down_revision = "0101_parks"
branch_labels = None
depends_on = None

TABLES = (
    "service_contract",
    "service_contract_resource",
    "work_order",
    "service_fact",
    "work_order_finding",
)
TEXT = sqlmodel.sql.sqltypes.AutoString
OWN_PROVIDER = own("provider_id")
PARTIES = f"{OWN} OR {OWN_PROVIDER}"
MOVES = (
    ("remote_session", "granted", "ended", "owner"),
    ("remote_session", "granted", "ended", "provider"),
    ("remote_session", "requested", "ended", "owner"),
    ("remote_session", "requested", "ended", "provider"),
    ("remote_session", "requested", "granted", "owner"),
    ("remote_session", "requested", "refused", "owner"),
    ("service_contract", "active", "ended", "owner"),
    ("service_contract", "active", "ended", "provider"),
    ("service_contract", "proposed", "active", "provider"),
    ("service_contract", "proposed", "declined", "provider"),
    ("work_order", "accepted", "reported", "provider"),
    ("work_order", "open", "accepted", "provider"),
    ("work_order", "open", "cancelled", "owner"),
    ("work_order", "reported", "accepted", "owner"),
    ("work_order", "reported", "closed", "owner"),
)
"""Of what, from which state to which, and who moves it: the lives of the context's ``domain``."""
FOLLOWS_ITS_LIFE = """
CREATE FUNCTION service_follows_its_life() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  caller uuid := nullif(current_setting('app.org', true), '')::uuid;
  mover text := CASE WHEN current_user <> '{app}' THEN 'platform'
                     WHEN caller = NEW.organisation_id THEN 'owner'
                     WHEN caller = NEW.provider_id THEN 'provider'
                     ELSE 'nobody' END;
BEGIN
  IF NEW.state <> OLD.state AND NOT EXISTS (
    SELECT FROM (VALUES {moves}) AS life (thing, source, target, by)
     WHERE life.thing = TG_TABLE_NAME AND life.source = OLD.state AND life.target = NEW.state
       AND (mover = 'platform' OR life.by = mover)) THEN
    RAISE EXCEPTION 'a % that is % does not become % by its %',
      TG_TABLE_NAME, OLD.state, NEW.state, mover USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$
"""


def upgrade() -> None:
    # A table somebody holds must fail the migration, not stop the platform behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    _service_contract()
    _service_contract_resource()
    _work_order()
    _service_fact()
    _work_order_finding()
    for statement in _protection():
        op.execute(statement)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
    op.execute("DROP FUNCTION service_follows_its_life()")


def _service_contract() -> None:
    op.create_table(
        "service_contract", *_service_contract_columns(), *_service_contract_constraints()
    )
    op.create_index(
        "ix_service_contract_provider_id_id",
        "service_contract",
        ["provider_id", "id"],
        unique=False,
    )


def _service_contract_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("title", TEXT(), nullable=False),
        sa.Column("warnings", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("shows", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("response_minutes", sa.Integer(), nullable=False),
        sa.Column("session_minutes", sa.Integer(), nullable=False),
        sa.Column("late_discount", sa.Integer(), nullable=False),
        sa.Column("price", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", TEXT(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    ]


def _service_contract_constraints() -> list[sa.Constraint]:
    return [
        sa.CheckConstraint(
            "state IN ('active', 'declined', 'ended', 'proposed')",
            name=op.f("ck_service_contract_state"),
        ),
        sa.CheckConstraint(
            "organisation_id <> provider_id", name=op.f("ck_service_contract_of_two")
        ),
        sa.CheckConstraint(
            "response_minutes > 0 AND session_minutes > 0 AND version >= 1 AND late_discount BETWEEN 0 AND 10000",
            name=op.f("ck_service_contract_counted"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_service_contract_organisation_id_organisation"),
        ),
        sa.ForeignKeyConstraint(
            ["provider_id"],
            ["organisation.id"],
            name=op.f("fk_service_contract_provider_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_contract")),
        sa.UniqueConstraint(
            "organisation_id",
            "provider_id",
            "id",
            name=op.f("uq_service_contract_organisation_id_provider_id_id"),
        ),
    ]


def _service_contract_resource() -> None:
    op.create_table(
        "service_contract_resource",
        *_service_contract_resource_columns(),
        *_service_contract_resource_constraints(),
    )
    op.create_index(
        "ix_service_contract_resource_resource_id",
        "service_contract_resource",
        ["resource_id"],
        unique=False,
    )


def _service_contract_resource_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("contract_id", sa.Uuid(), nullable=False),
        sa.Column("resource_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
    ]


def _service_contract_resource_constraints() -> list[sa.Constraint]:
    return [
        sa.ForeignKeyConstraint(
            ["organisation_id", "provider_id", "contract_id"],
            [
                "service_contract.organisation_id",
                "service_contract.provider_id",
                "service_contract.id",
            ],
            name="fk_service_contract_resource_of_service_contract",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "resource_id"],
            ["resource.organisation_id", "resource.id"],
            name=op.f("fk_service_contract_resource_organisation_id_resource_id_resource"),
        ),
        sa.PrimaryKeyConstraint(
            "contract_id", "resource_id", name=op.f("pk_service_contract_resource")
        ),
        sa.UniqueConstraint(
            "organisation_id",
            "provider_id",
            "contract_id",
            "resource_id",
            name="uq_service_contract_resource_of_parties",
        ),
    ]


def _work_order() -> None:
    op.create_table("work_order", *_work_order_columns(), *_work_order_constraints())
    op.create_index(
        "ix_work_order_due",
        "work_order",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("state = 'open' AND escalated_at IS NULL"),
    )
    op.create_index(
        "ix_work_order_organisation_id_id", "work_order", ["organisation_id", "id"], unique=False
    )
    op.create_index(
        "ix_work_order_provider_id_id", "work_order", ["provider_id", "id"], unique=False
    )
    op.create_index(
        "uq_work_order_unfinished",
        "work_order",
        ["contract_id", "resource_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('accepted', 'open', 'reported')"),
    )


def _work_order_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("contract_id", sa.Uuid(), nullable=False),
        sa.Column("resource_id", sa.Uuid(), nullable=False),
        sa.Column("cause", TEXT(), nullable=False),
        sa.Column("reason", TEXT(), nullable=True),
        sa.Column("warnings", sa.Integer(), nullable=False),
        sa.Column("warned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("escalated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("worked_minutes", sa.Integer(), nullable=True),
        sa.Column("fee_minor", sa.BigInteger(), nullable=True),
        sa.Column("fee_currency", TEXT(), nullable=True),
        sa.Column(
            "fee_lines", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True
        ),
        sa.Column("state", TEXT(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    ]


def _work_order_constraints() -> list[sa.Constraint]:
    return [
        sa.CheckConstraint(
            "(state = 'closed') = (fee_minor IS NOT NULL) AND (fee_minor IS NULL) = (closed_at IS NULL) AND fee_minor >= 0 AND (paid_at IS NULL OR closed_at IS NOT NULL)",
            name=op.f("ck_work_order_fee_when_closed"),
        ),
        sa.CheckConstraint(
            "state IN ('accepted', 'cancelled', 'closed', 'open', 'reported')",
            name=op.f("ck_work_order_state"),
        ),
        sa.CheckConstraint(
            "state IN ('open', 'cancelled') OR accepted_at IS NOT NULL",
            name=op.f("ck_work_order_answered"),
        ),
        sa.CheckConstraint(
            "warnings >= 0 AND version >= 1 AND worked_minutes > 0",
            name=op.f("ck_work_order_counted"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "provider_id", "contract_id", "resource_id"],
            [
                "service_contract_resource.organisation_id",
                "service_contract_resource.provider_id",
                "service_contract_resource.contract_id",
                "service_contract_resource.resource_id",
            ],
            name="fk_work_order_of_covered",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_work_order_organisation_id_organisation"),
        ),
        sa.ForeignKeyConstraint(
            ["provider_id"],
            ["organisation.id"],
            name=op.f("fk_work_order_provider_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_work_order")),
        sa.UniqueConstraint(
            "organisation_id",
            "provider_id",
            "id",
            name=op.f("uq_work_order_organisation_id_provider_id_id"),
        ),
    ]


def _service_fact() -> None:
    op.create_table("service_fact", *_service_fact_columns(), *_service_fact_constraints())
    op.create_index(
        "ix_service_fact_provider_id_at", "service_fact", ["provider_id", "at"], unique=False
    )


def _service_fact_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("kind", TEXT(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("value", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    ]


def _service_fact_constraints() -> list[sa.Constraint]:
    return [
        sa.CheckConstraint("kind IN ('closed', 'responded')", name=op.f("ck_service_fact_kind")),
        sa.CheckConstraint("value >= 0", name=op.f("ck_service_fact_value_not_negative")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "provider_id", "order_id"],
            ["work_order.organisation_id", "work_order.provider_id", "work_order.id"],
            name="fk_service_fact_of_work_order",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_service_fact_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("order_id", "kind", name=op.f("pk_service_fact")),
    ]


def _work_order_finding() -> None:
    op.create_table(
        "work_order_finding", *_work_order_finding_columns(), *_work_order_finding_constraints()
    )
    op.create_index(
        "ix_work_order_finding_order_id_id", "work_order_finding", ["order_id", "id"], unique=False
    )


def _work_order_finding_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("kind", TEXT(), nullable=False),
        sa.Column("text", TEXT(), nullable=False),
        sa.Column("sha256", TEXT(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    ]


def _work_order_finding_constraints() -> list[sa.Constraint]:
    return [
        sa.CheckConstraint(
            "kind IN ('fault_diagnosis', 'maintenance', 'process_tuning', 'quality_diagnosis')",
            name=op.f("ck_work_order_finding_kind"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "provider_id", "order_id"],
            ["work_order.organisation_id", "work_order.provider_id", "work_order.id"],
            name="fk_work_order_finding_of_work_order",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisation.id"],
            name=op.f("fk_work_order_finding_organisation_id_organisation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_work_order_finding")),
    ]


def _protection() -> Iterator[str]:
    """Both parties read; what is written down stays."""
    yield from protect(
        "service_contract",
        read=PARTIES,
        write=PARTIES,
        insert=f"{OWN} AND state = 'proposed'",
        privileges="SELECT, INSERT, UPDATE (state, version, updated_at)",
    )
    yield from protect(
        "service_contract_resource", read=PARTIES, insert=OWN, privileges="SELECT, INSERT"
    )
    yield from protect(
        "work_order",
        read=PARTIES,
        write=PARTIES,
        insert=f"{OWN} AND state = 'open'",
        privileges="SELECT, INSERT, UPDATE (state, warnings, accepted_at, worked_minutes,"
        " fee_minor, fee_currency, fee_lines, closed_at, paid_at, escalated_at, version,"
        " updated_at)",
    )
    yield from protect(
        "work_order_finding", read=PARTIES, insert=OWN_PROVIDER, privileges="SELECT, INSERT"
    )
    yield from protect("service_fact", read=PARTIES, insert=PARTIES, privileges="SELECT, INSERT")
    moves = ", ".join(f"('{thing}', '{old}', '{new}', '{by}')" for thing, old, new, by in MOVES)
    yield FOLLOWS_ITS_LIFE.format(app=APP, moves=moves)
    yield "REVOKE EXECUTE ON FUNCTION service_follows_its_life() FROM PUBLIC"
    for table in ("service_contract", "work_order"):
        yield (
            f"CREATE TRIGGER {table}_follows_its_life BEFORE UPDATE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION service_follows_its_life()"
        )
