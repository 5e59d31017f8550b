"""What keeps the ledger true: triggers that balance it, and who may read or add what."""

from collections.abc import Iterator

from alembic import op

from services.runtime.database_roles import OWNER, WORKER
from services.runtime.row_security import OWN, SHOWN, own, protect

revision = "0031_ledger_guards"
down_revision = "0030_ledger"
branch_labels = None
depends_on = None

PARTY = f"({OWN} OR {own('payee_id')})"
WRITTEN_ONCE = ("ledger_transaction", "ledger_entry", "ledger_movement", "ledger_share_rule")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in (*_functions(), *_triggers(), *_protection()):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("money would be forgotten; restore a backup instead")


def _functions() -> Iterator[str]:
    """They work as the owner of the tables: they look at entries of everybody.

    No caller sees what they read: they answer by letting pass or refusing.
    """
    yield """
        CREATE FUNCTION ledger_keep_balances() RETURNS trigger LANGUAGE plpgsql
            SECURITY DEFINER SET search_path = pg_catalog AS $$
        DECLARE moved record;
        BEGIN
          -- In order of id, so that two transactions never wait for each other in a circle.
          FOR moved IN
            SELECT account_id, sum(amount_minor) AS minor FROM added
             GROUP BY account_id ORDER BY account_id
          LOOP
            UPDATE public.ledger_account SET balance_minor = balance_minor + moved.minor
             WHERE id = moved.account_id AND balance_minor IS NOT NULL;
          END LOOP;
          RETURN NULL;
        END $$
    """
    yield """
        CREATE FUNCTION ledger_is_balanced() RETURNS trigger LANGUAGE plpgsql
            SECURITY DEFINER SET search_path = pg_catalog AS $$
        DECLARE concerned uuid := CASE TG_TABLE_NAME
          WHEN 'ledger_entry' THEN (to_jsonb(NEW) ->> 'transaction_id')::uuid ELSE NEW.id END;
        BEGIN
          IF (SELECT count(*) FROM public.ledger_entry WHERE transaction_id = concerned) < 2
             OR EXISTS (SELECT FROM public.ledger_entry WHERE transaction_id = concerned
                         GROUP BY currency HAVING sum(amount_minor) <> 0) THEN
            RAISE EXCEPTION 'ledger transaction %: its entries do not add up to zero', concerned
              USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_is_balanced';
          END IF;
          RETURN NULL;
        END $$
    """
    yield """
        CREATE FUNCTION ledger_escrow_agrees() RETURNS trigger LANGUAGE plpgsql
            SECURITY DEFINER SET search_path = pg_catalog AS $$
        DECLARE concerned uuid := CASE TG_TABLE_NAME
          WHEN 'ledger_account' THEN (to_jsonb(NEW) ->> 'of')::uuid ELSE NEW.id END;
        BEGIN
          IF (SELECT funded_minor - released_minor - refunded_minor FROM public.ledger_escrow
               WHERE id = concerned)
             IS DISTINCT FROM
             coalesce((SELECT balance_minor FROM public.ledger_account
                        WHERE kind = 'escrow' AND "of" = concerned), 0) THEN
            RAISE EXCEPTION 'escrow %: its account holds something else than it says', concerned
              USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_escrow_agrees';
          END IF;
          RETURN NULL;
        END $$
    """
    yield """
        CREATE FUNCTION ledger_is_written_once() RETURNS trigger LANGUAGE plpgsql
            SET search_path = pg_catalog AS $$
        BEGIN
          RAISE EXCEPTION '%: what is written stays; post a reversal', TG_TABLE_NAME
            USING ERRCODE = 'integrity_constraint_violation';
        END $$
    """


def _triggers() -> Iterator[str]:
    yield (
        "CREATE TRIGGER ledger_keep_balances AFTER INSERT ON ledger_entry"
        " REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION ledger_keep_balances()"
    )
    for table in ("ledger_transaction", "ledger_entry"):
        yield (
            f"CREATE CONSTRAINT TRIGGER ledger_is_balanced AFTER INSERT ON {table}"
            " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_is_balanced()"
        )
    yield (
        "CREATE CONSTRAINT TRIGGER ledger_escrow_agrees AFTER INSERT OR UPDATE ON ledger_escrow"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_escrow_agrees()"
    )
    yield (
        "CREATE CONSTRAINT TRIGGER ledger_escrow_agrees AFTER UPDATE ON ledger_account"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.kind = 'escrow')"
        " EXECUTE FUNCTION ledger_escrow_agrees()"
    )
    for table in WRITTEN_ONCE:
        yield (
            f"CREATE TRIGGER ledger_is_written_once BEFORE UPDATE OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION ledger_is_written_once()"
        )
    for function in (
        "ledger_keep_balances",
        "ledger_is_balanced",
        "ledger_escrow_agrees",
        "ledger_is_written_once",
    ):
        yield f"REVOKE EXECUTE ON FUNCTION {function}() FROM PUBLIC"


def _protection() -> Iterator[str]:
    """Requests read what is theirs, and post what they bring about, also to others' accounts.

    A request that pays another is not shown that account: its id follows from whose it is.
    """
    adding = "SELECT, INSERT"
    yield from protect("ledger_account", read=OWN, insert=own("opened_by"), privileges=adding)
    mine = "EXISTS (SELECT FROM ledger_entry WHERE ledger_entry.transaction_id = ledger_transaction.id)"
    yield from protect(
        "ledger_transaction", read=f"({OWN} OR {mine})", insert=OWN, privileges=adding
    )
    yield from protect("ledger_entry", read=OWN, insert=own("initiator_id"), privileges=adding)
    yield from protect(
        "ledger_escrow",
        read=PARTY,
        write=PARTY,
        privileges="SELECT, INSERT, UPDATE (state, funded_minor, released_minor, refunded_minor,"
        " frozen_because, updated_at)",
    )
    yield from protect("ledger_movement", read=PARTY, insert=PARTY, privileges=adding)
    yield from protect("ledger_payment", read=OWN, insert=OWN, privileges=adding)
    yield from protect("ledger_notice", read=OWN, privileges="SELECT")
    yield from protect(
        "ledger_share_rule", read=f"({OWN} OR {SHOWN})", insert=OWN, privileges=adding
    )
    for table in ("ledger_account", *WRITTEN_ONCE):
        yield f"REVOKE UPDATE, DELETE ON {table} FROM {WORKER}"
    yield f"CREATE POLICY ledger_account_kept ON ledger_account TO {OWNER} USING (true)"
    yield f"CREATE POLICY ledger_entry_summed ON ledger_entry FOR SELECT TO {OWNER} USING (true)"
    yield f"CREATE POLICY ledger_escrow_compared ON ledger_escrow FOR SELECT TO {OWNER} USING (true)"
