"""Who reads and moves what of incubation, and what an investor sees of a team."""

from collections.abc import Iterator

from alembic import op

from services.runtime.database_roles import APP
from services.runtime.introduction_rule import in_force, introduced
from services.runtime.row_security import OWN, own, protect

revision = "0111_incubation_guards"
down_revision = "0110_incubation"
branch_labels = None
depends_on = None

TABLES = (
    "introduction_item",
    "introduction",
    "incubation_fact",
    "incubation_milestone",
    "incubated_team",
    "incubation_programme",
    "investor_approval",
)
OWN_TEAM = own("team_id")
OWN_INVESTOR = own("investor_id")
VOUCHED = f"""EXISTS (SELECT FROM investor_approval AS vouched
 WHERE vouched.organisation_id = incubated_team.organisation_id
   AND vouched.withdrawn_at IS NULL AND {own("vouched.investor_id")})"""
APPROVED = """EXISTS (SELECT FROM investor_approval AS vouched
 WHERE vouched.id = approval_id AND vouched.withdrawn_at IS NULL)"""
STEPS = (
    ("incubation_milestone", "planned", "reported", "team"),
    ("incubation_milestone", "reported", "confirmed", "incubator"),
    ("introduction", "asked", "consented", "team"),
    ("introduction", "consented", "revoked", "team"),
    ("introduction", "asked", "closed", "team"),
    ("introduction", "asked", "closed", "investor"),
)
"""From which state to which, and who moves it: ``marketplace.incubation.domain``."""
TOLD = (
    ("audit_entry", "INSERT"),
    ("audit_head", "SELECT"),
    ("audit_head", "INSERT"),
    ("audit_head", "UPDATE"),
)
FOLLOWS = """
CREATE FUNCTION {table}_follows_its_life() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  caller uuid := nullif(current_setting('app.org', true), '')::uuid;
  mover text := CASE WHEN current_user <> '{app}' THEN 'platform'
                     WHEN caller = NEW.organisation_id THEN '{owner}'
                     WHEN caller = NEW.{other_column} THEN '{other}'
                     ELSE 'nobody' END;
BEGIN
  IF NEW.state <> OLD.state AND NOT EXISTS (
    SELECT FROM (VALUES {steps}) AS life (source, target, by)
     WHERE life.source = OLD.state AND life.target = NEW.state
       AND (mover = 'platform' OR life.by = mover)) THEN
    RAISE EXCEPTION '% % does not become % by its %', TG_TABLE_NAME, OLD.state, NEW.state, mover
      USING ERRCODE = 'check_violation';
  END IF;
  IF mover <> 'platform' AND (NEW.state {unless})
     AND ({kept}) IS DISTINCT FROM ({kept_before}) THEN
    RAISE EXCEPTION '% keeps what was said in it', TG_TABLE_NAME
      USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in (*_teams(), *_introductions(), *_triggers(), *_trail()):
        op.execute(statement)


def downgrade() -> None:
    for table, command in TOLD:
        op.execute(f"DROP POLICY {table}_introduction_{command.lower()} ON {table}")
    for table in ("incubation_milestone", "introduction"):
        op.execute(f"DROP TRIGGER {table}_follows_its_life ON {table}")
        op.execute(f"DROP FUNCTION {table}_follows_its_life()")
    op.execute("DROP POLICY document_introduced_read ON document")
    for table in TABLES:
        op.execute(f"DROP POLICY {table}_worker ON {table}")
        for command in ("read", "insert", "update", "delete"):
            op.execute(f"DROP POLICY IF EXISTS {table}_{command} ON {table}")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")


def _teams() -> Iterator[str]:
    yield from protect("investor_approval", read="true", write=OWN,
                       privileges="SELECT, INSERT, UPDATE (withdrawn_at)")  # fmt: skip
    yield from protect(
        "incubation_programme",
        read="EXISTS (SELECT FROM call WHERE call.id = call_id)",
        insert=OWN,
        privileges="SELECT, INSERT",
    )
    yield from protect(
        "incubated_team",
        read=f"{OWN} OR {OWN_TEAM} OR {VOUCHED}",
        write=OWN,
        privileges="SELECT, INSERT, UPDATE (state)",
    )
    yield from protect(
        "incubation_milestone",
        read=f"{OWN} OR {OWN_TEAM}",
        write=f"{OWN} OR {OWN_TEAM}",
        insert=f"{OWN} AND state = 'planned'",
        privileges="SELECT, INSERT, UPDATE (state, said)",
    )
    yield from protect(
        "incubation_fact",
        read=f"{OWN} OR {OWN_TEAM}",
        insert=OWN,
        privileges="SELECT, INSERT",
    )


def _introductions() -> Iterator[str]:
    yield from protect(
        "introduction",
        read=f"{OWN} OR {OWN_INVESTOR} OR {own('incubator_id')}",
        write=f"{OWN} OR {OWN_INVESTOR}",
        insert=f"state = 'asked' AND {APPROVED} AND (({OWN} AND asked_by = 'team')"
        f" OR ({OWN_INVESTOR} AND asked_by = 'investor'))",
        privileges="SELECT, INSERT, UPDATE (state, consented_at, expires_at, ended_at)",
    )
    yield from protect(
        "introduction_item",
        read=f"{OWN} OR ({OWN_INVESTOR} AND {in_force('introduction_item')})",
        insert=OWN,
        privileges="SELECT, INSERT",
    )
    yield (
        f"CREATE POLICY document_introduced_read ON document FOR SELECT TO {APP}"
        f" USING ({introduced()})"
    )


def _triggers() -> Iterator[str]:
    for table, owner, other, column, unless, kept in (
        (
            "incubation_milestone", "incubator", "team", "team_id",
            "<> 'reported' OR OLD.state <> 'planned'", ("said",),
        ),
        (
            "introduction", "team", "investor", "investor_id",
            "<> 'consented' OR OLD.state <> 'asked'", ("consented_at", "expires_at"),
        ),
    ):  # fmt: skip
        steps = ", ".join(
            f"('{old}', '{new}', '{by}')" for of, old, new, by in STEPS if of == table
        )
        yield FOLLOWS.format(
            table=table,
            app=APP,
            owner=owner,
            other=other,
            other_column=column,
            steps=steps,
            unless=unless,
            kept=", ".join(f"NEW.{one}" for one in kept),
            kept_before=", ".join(f"OLD.{one}" for one in kept),
        )
        yield f"REVOKE EXECUTE ON FUNCTION {table}_follows_its_life() FROM PUBLIC"
        yield (
            f"CREATE TRIGGER {table}_follows_its_life BEFORE UPDATE ON {table}"
            f" FOR EACH ROW EXECUTE FUNCTION {table}_follows_its_life()"
        )


def _trail() -> Iterator[str]:
    """That an investor read something is told in the trail of whose it is."""
    for table, command in TOLD:
        shared = (
            f"EXISTS (SELECT FROM introduction AS given WHERE {own('given.investor_id')}"
            f" AND given.organisation_id = {table}.organisation_id)"
        )
        reads, writes = f" USING ({shared})", f" WITH CHECK ({shared})"
        clauses = {"SELECT": reads, "INSERT": writes, "UPDATE": reads + writes}
        yield (
            f"CREATE POLICY {table}_introduction_{command.lower()} ON {table} FOR {command}"
            f" TO {APP}{clauses[command]}"
        )
