"""References of bookings and reservations are checked once per statement, not once per row.

A foreign key asks for each row and locks what it finds: for a batch of bookings that is a quarter
of the server's time. The keys stay declared, and triggers hold them: whoever is referred to is
locked against deletion, each once, and must be there; and who is referred to may not go.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from alembic import op

from services.runtime.database_roles import OWNER

revision = "0081_references"
down_revision = "0080_outbox_batches"
branch_labels = None
depends_on = None

PARTITIONS: Final = 8
KEYS: Final = {
    "reservation": ("fk_reservation_organisation_id_resource_id_resource",),
    "booking": (
        "fk_booking_organisation_id_organisation",
        "fk_booking_provider_id_resource_id_resource",
    ),
}
RESOURCE_OF: Final = {"reservation": "organisation_id", "booking": "provider_id"}
"""The column that names the owner of the resource."""
LOOKING: Final = "(SELECT current_setting('app.keys', true) = 'on')"
"""Within these functions, and there only, the owner sees whom a key concerns."""
LOOKS: Final = "PERFORM set_config('app.keys', 'on', true);"
DONE: Final = "PERFORM set_config('app.keys', 'off', true);"
BOOKING_KEYS: Final = ("organisation_id", "provider_id", "resource_id")


def upgrade() -> None:
    # A table somebody holds must fail the migration, not stop the platform behind it.
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table, keys in KEYS.items():
        for key in keys:
            op.execute(f"ALTER TABLE {table} ALTER CONSTRAINT {key} NOT ENFORCED")
    for statement in (*_functions(), *_triggers(), *_policies()):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("enforcing a key reads every row; restore a backup instead")


def _functions() -> Iterator[str]:
    """They work as the owner: a caller need not see what it refers to, nor who refers to it."""
    yield _refers("reservation_refers", "reservation", "added")
    yield _refers("booking_refers", "booking", "added")
    changed = f"(SELECT {', '.join(f'NEW.{column}' for column in BOOKING_KEYS)}) AS added"
    yield _refers("booking_refers_anew", "booking", changed)
    yield _is_referred(
        "resource_is_referred",
        {
            "fk_reservation_organisation_id_resource_id_resource": (
                "public.reservation WHERE resource_id = OLD.id"
                " AND organisation_id = OLD.organisation_id"
            ),
            "fk_booking_provider_id_resource_id_resource": (
                "public.booking WHERE resource_id = OLD.id AND provider_id = OLD.organisation_id"
            ),
        },
    )
    yield _is_referred(
        "organisation_is_referred",
        {
            "fk_booking_organisation_id_organisation": (
                "public.booking WHERE organisation_id = OLD.id"
            )
        },
    )


def _refers(function: str, table: str, rows: str) -> str:
    owner = RESOURCE_OF[table]
    checks = _locked("resource", ("organisation_id", "id"), (owner, "resource_id"), rows, table)
    if table == "booking":
        checks += _locked("organisation", ("id",), ("organisation_id",), rows, table)
    return f"""
        CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql
            SECURITY DEFINER SET search_path = pg_catalog AS $$
        DECLARE missing boolean;
        BEGIN
          {LOOKS}{checks}
          {DONE}
          RETURN NULL;
        END $$
    """


def _locked(
    parent: str, key: tuple[str, ...], columns: tuple[str, ...], rows: str, table: str
) -> str:
    """Lock every row of ``parent`` that is named; one that is not there is nobody's to lock.

    What is counted is what is locked: a row that comes meanwhile is not taken for one that stays.
    """
    wanted = ", ".join(columns)
    joined = " AND ".join(
        f"kept.{one} = wanted.{other}" for one, other in zip(key, columns, strict=True)
    )
    name = f"fk_{table}_{'_'.join(columns)}_{parent}"
    return f"""
          WITH wanted AS MATERIALIZED (SELECT DISTINCT {wanted} FROM {rows}),
               locked AS MATERIALIZED (
                 SELECT kept.id FROM wanted JOIN public.{parent} AS kept ON {joined}
                    FOR KEY SHARE OF kept)
          SELECT (SELECT count(*) FROM wanted) <> (SELECT count(*) FROM locked) INTO missing;
          IF missing THEN
            RAISE EXCEPTION 'a row of {table} refers to no {parent} that is there'
              USING ERRCODE = 'foreign_key_violation', CONSTRAINT = '{name}', TABLE = '{table}';
          END IF;"""


def _is_referred(function: str, referring: Mapping[str, str]) -> str:
    checks = "".join(
        f"""
          IF EXISTS (SELECT FROM {rows}) THEN
            RAISE EXCEPTION '% %: {rows.partition(" ")[0].removeprefix("public.")} refers to it',
              TG_TABLE_NAME, OLD.id
              USING ERRCODE = 'foreign_key_violation', CONSTRAINT = '{key}';
          END IF;"""
        for key, rows in referring.items()
    )
    # An older snapshot would not show who came to refer to it meanwhile.
    return f"""
        CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql
            SECURITY DEFINER SET search_path = pg_catalog AS $$
        BEGIN
          IF current_setting('transaction_isolation') <> 'read committed' THEN
            RAISE EXCEPTION '% goes by READ COMMITTED only', TG_TABLE_NAME
              USING ERRCODE = 'feature_not_supported';
          END IF;
          {LOOKS}{checks}
          {DONE}
          RETURN NULL;
        END $$
    """


def _triggers() -> Iterator[str]:
    tables = ["reservation", *(f"reservation_{number}" for number in range(PARTITIONS))]
    for table in tables:  # A partition's own fires for whoever writes to it directly: its owner.
        for verb in ("INSERT", "UPDATE"):
            yield _statement_trigger(table, verb, "reservation_refers")
    yield _statement_trigger("booking", "INSERT", "booking_refers")
    changed = " OR ".join(f"OLD.{one} IS DISTINCT FROM NEW.{one}" for one in BOOKING_KEYS)
    yield (
        f"CREATE TRIGGER booking_refers_anew AFTER UPDATE OF {', '.join(BOOKING_KEYS)} ON booking"
        f" FOR EACH ROW WHEN ({changed}) EXECUTE FUNCTION booking_refers_anew()"
    )
    for parent, key in (("resource", ("id", "organisation_id")), ("organisation", ("id",))):
        changed = " OR ".join(f"OLD.{one} IS DISTINCT FROM NEW.{one}" for one in key)
        yield (
            f"CREATE TRIGGER {parent}_is_referred AFTER DELETE ON {parent} FOR EACH ROW"
            f" EXECUTE FUNCTION {parent}_is_referred()"
        )
        yield (
            f"CREATE TRIGGER {parent}_is_referred_anew AFTER UPDATE OF {', '.join(key)}"
            f" ON {parent} FOR EACH ROW WHEN ({changed}) EXECUTE FUNCTION {parent}_is_referred()"
        )


def _statement_trigger(table: str, verb: str, function: str) -> str:
    return (
        f"CREATE TRIGGER {function}_{verb.lower()} AFTER {verb} ON {table}"
        f" REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION {function}()"
    )


def _policies() -> Iterator[str]:
    """What the owner's functions see and lock; they change nothing."""
    for child in ("booking", "reservation"):
        yield f"CREATE POLICY {child}_referring ON {child} FOR SELECT TO {OWNER} USING ({LOOKING})"
    for parent in ("organisation", "resource"):
        yield f"CREATE POLICY {parent}_referred ON {parent} FOR SELECT TO {OWNER} USING ({LOOKING})"
        yield (
            f"CREATE POLICY {parent}_locked ON {parent} FOR UPDATE TO {OWNER}"
            f" USING ({LOOKING}) WITH CHECK (false)"
        )
