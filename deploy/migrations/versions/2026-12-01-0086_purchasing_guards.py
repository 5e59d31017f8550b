"""Who sees and writes what of pooled purchasing; triggers that count parts and sum shares."""

from collections.abc import Iterator

from alembic import op

from services.runtime.database_roles import APP, OWNER
from services.runtime.row_security import OWN, VISIBLE, own, protect

revision = "0086_purchasing_guards"
down_revision = "0085_purchasing"
branch_labels = None
depends_on = None

TABLES = (
    "purchase_list", "purchase_guest", "purchase_item", "purchase_part", "purchase_quote",
    "purchase_award", "purchase_share",
)  # fmt: skip
MEMBER, SUPPLIER, GUEST = own("member_id"), own("supplier_id"), own("guest_id")
SEEN = "EXISTS (SELECT FROM purchase_list WHERE purchase_list.id = list_id)"
JOINS_WHAT_IT_SEES = """
CREATE FUNCTION purchase_joins_what_it_sees() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  side text := CASE TG_TABLE_NAME WHEN 'purchase_part' THEN 'member' ELSE 'supplier' END;
BEGIN
  IF NOT EXISTS (SELECT FROM purchase_list WHERE id = NEW.list_id
                    AND state IN ('draft', 'open')) THEN
    RAISE EXCEPTION 'there is no such open purchasing list' USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF (side = 'member' AND EXISTS (SELECT FROM purchase_quote WHERE list_id = NEW.list_id
        AND supplier_id = (to_jsonb(NEW) ->> 'member_id')::uuid))
     OR (side = 'supplier' AND EXISTS (SELECT FROM purchase_part WHERE list_id = NEW.list_id
        AND member_id = (to_jsonb(NEW) ->> 'supplier_id')::uuid)) THEN
    RAISE EXCEPTION 'nobody buys and supplies by one list' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$
"""
"""Row security of these tables asks for the list's, which asks for theirs; a trigger asks by
statements of its own."""
COUNTS_PARTS = """
CREATE FUNCTION purchase_counts_parts() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE concerned uuid := coalesce(NEW.list_id, OLD.list_id);
BEGIN
  -- Who waits here sees, in the next statement, the parts of whom it waited for.
  PERFORM FROM public.purchase_item WHERE list_id = concerned ORDER BY number FOR UPDATE;
  UPDATE public.purchase_item AS item SET pooled = summed.pooled, confirmed = summed.confirmed
    FROM (SELECT each.number,
                 coalesce(sum((part.quantities ->> each.number::text)::bigint)
                   FILTER (WHERE part.state IN ('joined', 'confirmed', 'ordered')), 0) AS pooled,
                 coalesce(sum((part.quantities ->> each.number::text)::bigint)
                   FILTER (WHERE part.state IN ('confirmed', 'ordered')), 0) AS confirmed
            FROM public.purchase_item AS each
            LEFT JOIN public.purchase_part AS part ON part.list_id = each.list_id
           WHERE each.list_id = concerned GROUP BY each.number) AS summed
   WHERE item.list_id = concerned AND item.number = summed.number;
  RETURN NULL;
END $$
"""
"""Works as the owner: it sums parts of everybody, of which no caller sees more than the sums."""
FOLLOWS_ITS_LIFE = """
CREATE FUNCTION purchase_part_follows_its_life() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  of_list text := (SELECT state FROM purchase_list WHERE id = NEW.list_id);
  by_member boolean := current_user = '{app}';
BEGIN
  IF NEW.quantities <> OLD.quantities AND coalesce(of_list, '') NOT IN ('draft', 'open') THEN
    RAISE EXCEPTION 'quantities change while the list is open' USING ERRCODE = 'check_violation';
  END IF;
  IF by_member AND NEW.state <> OLD.state AND NOT (
       (of_list = 'open' AND (OLD.state, NEW.state) IN (('joined', 'declined'), ('declined', 'joined')))
    OR (of_list = 'awarded' AND OLD.state = 'joined' AND NEW.state IN ('confirmed', 'declined')))
  THEN
    RAISE EXCEPTION 'a part % does not become % by its member', OLD.state, NEW.state
      USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$
"""
SHARES_SUM = """
CREATE FUNCTION purchase_shares_sum() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (
    SELECT FROM purchase_award AS award
      LEFT JOIN LATERAL (SELECT coalesce(sum(quantity), 0) AS quantity,
                                coalesce(sum(amount_minor), 0) AS minor
                           FROM purchase_share AS share
                          WHERE share.list_id = award.list_id AND share.number = award.number
                        ) AS shared ON true
     WHERE award.list_id = NEW.list_id AND award.number = NEW.number
       AND (shared.quantity, shared.minor) IS DISTINCT FROM
           (coalesce(award.final_quantity, 0)::numeric, coalesce(award.final_minor, 0)::numeric))
  THEN
    RAISE EXCEPTION 'purchasing list %: shares of item % do not sum to what is ordered',
      NEW.list_id, NEW.number USING ERRCODE = 'check_violation', CONSTRAINT = 'purchase_shares_sum';
  END IF;
  RETURN NULL;
END $$
"""
FUNCTIONS = (
    "purchase_joins_what_it_sees",
    "purchase_counts_parts",
    "purchase_part_follows_its_life",
    "purchase_shares_sum",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for statement in (*_protection(), *_triggers()):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("what protects the tables goes with them only")


def _protection() -> Iterator[str]:
    """A list is for its lead, and for whom it invites, shows it to, or who takes part.

    Who wants how much is for the lead and that member; what a supplier asks, for the lead and it.
    """
    taking_part = " OR ".join(
        f"EXISTS (SELECT FROM {table} AS mine WHERE mine.list_id = purchase_list.id AND {own(column)})"
        for table, column in (
            ("purchase_guest", "mine.guest_id"),
            ("purchase_part", "mine.member_id"),
            ("purchase_quote", "mine.supplier_id"),
        )
    )
    yield from protect(
        "purchase_list",
        read=f"{OWN} OR (state <> 'draft' AND ({VISIBLE} OR {taking_part}))",
        write=OWN,
        privileges="SELECT, INSERT, UPDATE",
    )
    yield from protect("purchase_item", read=SEEN, write=OWN, privileges="SELECT, INSERT, DELETE")
    yield from protect(
        "purchase_guest", read=f"{OWN} OR {GUEST}", insert=OWN, privileges="SELECT, INSERT"
    )
    yield from protect(
        "purchase_part",
        read=f"{OWN} OR {MEMBER}",
        write=MEMBER,
        privileges="SELECT, INSERT, UPDATE (state, quantities, at_most_minor, updated_at)",
    )
    yield from protect(
        "purchase_quote",
        read=f"{OWN} OR {SUPPLIER}",
        write=f"{OWN} OR {SUPPLIER}",
        insert=SUPPLIER,
        privileges="SELECT, INSERT, UPDATE (state)",
    )
    buying = (
        "EXISTS (SELECT FROM purchase_part AS mine WHERE mine.list_id = purchase_award.list_id"
        f" AND {own('mine.member_id')})"
    )
    yield from protect(
        "purchase_award",
        read=f"{OWN} OR {SUPPLIER} OR {buying}",
        insert=f"{OWN} AND final_minor IS NULL",
        privileges="SELECT, INSERT",
    )
    yield from protect("purchase_share", read=f"{OWN} OR {MEMBER}", privileges="SELECT")
    yield f"CREATE POLICY purchase_item_counted ON purchase_item TO {OWNER} USING (true)"
    yield f"CREATE POLICY purchase_part_summed ON purchase_part FOR SELECT TO {OWNER} USING (true)"


def _triggers() -> Iterator[str]:
    yield JOINS_WHAT_IT_SEES
    yield COUNTS_PARTS
    yield FOLLOWS_ITS_LIFE.format(app=APP)
    yield SHARES_SUM
    for function in FUNCTIONS:
        yield f"REVOKE EXECUTE ON FUNCTION {function}() FROM PUBLIC"
    for table in ("purchase_part", "purchase_quote"):
        yield (
            f"CREATE TRIGGER {table}_joins_what_it_sees BEFORE INSERT ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION purchase_joins_what_it_sees()"
        )
    yield (
        "CREATE TRIGGER purchase_counts_parts AFTER INSERT OR UPDATE OR DELETE ON purchase_part"
        " FOR EACH ROW EXECUTE FUNCTION purchase_counts_parts()"
    )
    yield (
        "CREATE TRIGGER purchase_part_follows_its_life BEFORE UPDATE ON purchase_part"
        " FOR EACH ROW EXECUTE FUNCTION purchase_part_follows_its_life()"
    )
    for table, occasion in (
        ("purchase_award", "UPDATE"),
        ("purchase_share", "INSERT OR UPDATE"),
    ):
        yield (
            f"CREATE CONSTRAINT TRIGGER {table}_sums AFTER {occasion} ON {table}"
            " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION purchase_shares_sum()"
        )
