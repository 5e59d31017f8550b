"""Projects: who reads and writes what belongs to one, whole stakes, and the life of a gig."""

from collections.abc import Iterator
from typing import Final

from alembic import op

from services.runtime.database_roles import APP
from services.runtime.nda_rule import CALLER, under_nda
from services.runtime.row_security import MANAGES, OWN, SHOWN, VISIBLE, own, protect

revision = "0092_project_guards"
down_revision = "0091_gigs"
branch_labels = None
depends_on = None

TABLES: Final = (
    "project", "project_member", "project_agreement", "project_consent", "project_plan_item",
    "project_file", "project_download", "project_decision", "project_vote", "gig",
    "gig_application", "team_income", "work_standing",
)  # fmt: skip
FUNCTIONS: Final = (
    "project_is_its_leaders", "project_keeps_its_places", "project_stakes_are_whole",
    "gig_follows_its_life",
)  # fmt: skip
PLACE: Final = f"((visibility <> 'private' OR {MANAGES}) AND {CALLER} = ANY (joined || invited))"
CONFIDED: Final = f"(visibility = 'nda' AND {under_nda('project', subjects=[(chr(39) + 'project' + chr(39), 'project.id')])})"
MOVES: Final = (
    ("published", "assigned"), ("published", "cancelled"), ("assigned", "handed_in"),
    ("handed_in", "accepted"), ("handed_in", "assigned"),
)  # fmt: skip
LEADS: Final = f"""
CREATE FUNCTION project_is_its_leaders() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_user = '{APP}'
     AND OLD.organisation_id IS DISTINCT FROM nullif(current_setting('app.org', true), '')::uuid
     AND (OLD.state, OLD.title, OLD.about) IS DISTINCT FROM (NEW.state, NEW.title, NEW.about) THEN
    RAISE EXCEPTION 'a project is changed by who leads it' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$
"""
PLACES: Final = """
CREATE FUNCTION project_keeps_its_places() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE project SET
    joined = ARRAY(SELECT organisation_id FROM project_member
                    WHERE project_id = NEW.project_id AND state = 'joined' ORDER BY id),
    invited = ARRAY(SELECT organisation_id FROM project_member
                     WHERE project_id = NEW.project_id AND state = 'invited' ORDER BY id)
   WHERE id = NEW.project_id;
  RETURN NULL;
END $$
"""
WHOLE: Final = """
CREATE FUNCTION project_stakes_are_whole() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM project_member WHERE project_id = NEW.project_id)
     AND (SELECT coalesce(sum(stake), 0) FROM project_member
           WHERE project_id = NEW.project_id) <> 10000 THEN
    RAISE EXCEPTION 'stakes of project % are no whole', NEW.project_id
      USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$
"""
LIFE: Final = """
CREATE FUNCTION gig_follows_its_life() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.state <> OLD.state AND NOT EXISTS (
    SELECT FROM (VALUES {moves}) AS life (source, target)
     WHERE life.source = OLD.state AND life.target = NEW.state) THEN
    RAISE EXCEPTION 'a gig % does not become %', OLD.state, NEW.state
      USING ERRCODE = 'check_violation';
  END IF;
  IF current_user = '{app}' AND NEW.state IN ('accepted', 'cancelled')
     AND OLD.organisation_id IS DISTINCT FROM nullif(current_setting('app.org', true), '')::uuid THEN
    RAISE EXCEPTION 'work is accepted by who published it' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in (*_projects(), *_gigs(), *_triggers()):
        op.execute(statement)


def downgrade() -> None:
    for trigger, table in (
        ("project_is_its_leaders", "project"),
        ("project_keeps_its_places", "project_member"),
        ("project_stakes_are_whole", "project_member"),
        ("gig_follows_its_life", "gig"),
    ):
        op.execute(f"DROP TRIGGER {trigger} ON {table}")
    for function in FUNCTIONS:
        op.execute(f"DROP FUNCTION {function}()")
    for table in TABLES:
        for policy in ("worker", "read", "insert", "update", "delete"):
            op.execute(f"DROP POLICY IF EXISTS {table}_{policy} ON {table}")


def within(table: str, column: str = "joined") -> str:
    """The caller has a place in the row's project."""
    return (
        f"EXISTS (SELECT FROM project WHERE project.id = {table}.project_id"
        f" AND {CALLER} = ANY ({column}))"
    )


def _projects() -> Iterator[str]:
    """Who only sees a project sees nothing that belongs to it but its gigs."""
    yield from protect(
        "project",
        read=f"({VISIBLE} OR {PLACE} OR {CONFIDED} OR {SHOWN})",
        write=f"({OWN} OR {PLACE} OR {SHOWN})",
        insert=OWN,
        privileges="SELECT, INSERT, UPDATE (state, title, about, joined, invited, updated_at)",
    )
    places = f"({OWN} OR {within('project_member', 'joined || invited')})"
    yield from protect(
        "project_member",
        read=places,
        write=f"({OWN} OR {within('project_member')})",
        insert=f"EXISTS (SELECT FROM project WHERE project.id = project_id AND {own('project.organisation_id')})",
        privileges="SELECT, INSERT, UPDATE (state, stake, person_id, role, invited_at, changed_at)",
    )
    yield from protect(
        "project_agreement",
        read=within("project_agreement", "joined || invited"),
        write=within("project_agreement", "joined || invited"),
        insert=f"{OWN} AND {within('project_agreement')}",
        privileges="SELECT, INSERT, UPDATE (state, decided_at)",
    )
    yield from _written_by_members("project_consent", "joined || invited")
    yield from protect(
        "project_plan_item",
        read=within("project_plan_item"),
        write=within("project_plan_item"),
        insert=f"{OWN} AND {within('project_plan_item')}",
        privileges="SELECT, INSERT, UPDATE (state, changed_at)",
    )
    yield from _written_by_members("project_file")
    yield from _written_by_members("project_download")
    yield from protect(
        "project_decision",
        read=within("project_decision"),
        write=within("project_decision"),
        insert=f"{OWN} AND {within('project_decision')}",
        privileges="SELECT, INSERT, UPDATE (state, decided_at)",
    )
    yield from protect(
        "project_vote",
        read=within("project_vote"),
        write=OWN,
        insert=f"{OWN} AND {within('project_vote')}",
        privileges="SELECT, INSERT, UPDATE (choice, person_id, at)",
    )


def _written_by_members(table: str, places: str = "joined") -> Iterator[str]:
    """Added by members for themselves, never changed."""
    yield from protect(
        table,
        read=within(table, places),
        insert=f"{OWN} AND {within(table, places)}",
        privileges="SELECT, INSERT",
    )


def _gigs() -> Iterator[str]:
    """Who sees a project sees its published gigs; what was assigned is for its two parties."""
    seen = "EXISTS (SELECT FROM project WHERE project.id = project_id)"
    mine = own("worker_id")
    yield from protect(
        "gig",
        read=f"({OWN} OR {mine} OR (state = 'published' AND {seen}))",
        write=f"({OWN} OR {mine})",
        insert=f"{OWN} AND {within('gig')}",
        privileges="SELECT, INSERT, UPDATE (state, worker_id, team_id, escrow_id, handed_in_at,"
        " hand_ins, work, reason, updated_at)",
    )
    yield from protect(
        "gig_application",
        read=f"({OWN} OR {own('owner_id')})",
        insert=f"{OWN} AND EXISTS (SELECT FROM gig WHERE gig.id = gig_id AND state = 'published')",
        privileges="SELECT, INSERT",
    )
    yield from protect("team_income", read=within("team_income"), privileges="SELECT")
    yield from protect("work_standing", read="true", privileges="SELECT")


def _triggers() -> Iterator[str]:
    moves = ", ".join(f"('{source}', '{target}')" for source, target in MOVES)
    yield from (LEADS, PLACES, WHOLE, LIFE.format(app=APP, moves=moves))
    for function in FUNCTIONS:
        yield f"REVOKE EXECUTE ON FUNCTION {function}() FROM PUBLIC"
    yield (
        "CREATE TRIGGER project_is_its_leaders BEFORE UPDATE ON project"
        " FOR EACH ROW EXECUTE FUNCTION project_is_its_leaders()"
    )
    yield (
        "CREATE TRIGGER project_keeps_its_places AFTER INSERT OR UPDATE OF state ON project_member"
        " FOR EACH ROW EXECUTE FUNCTION project_keeps_its_places()"
    )
    yield (
        "CREATE CONSTRAINT TRIGGER project_stakes_are_whole AFTER INSERT OR UPDATE"
        " ON project_member DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION project_stakes_are_whole()"
    )
    yield (
        "CREATE TRIGGER gig_follows_its_life BEFORE UPDATE ON gig"
        " FOR EACH ROW EXECUTE FUNCTION gig_follows_its_life()"
    )
