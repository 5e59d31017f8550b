"""What PostgreSQL's catalogue says of tenancy: everything that is not as it must be.

The lists below are the whole of what departs from the rules, each with its reason. An entry that
departs no more is itself a breach, so the lists cannot outlive their reasons.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import psycopg
from psycopg.rows import TupleRow

from services.runtime.database_roles import APP, MIGRATOR, OWNER, REGION, SERVING, WORKER

Connection = psycopg.Connection[TupleRow]
Check = Callable[[Connection], Iterator[str]]

UNPROTECTED: Final[Mapping[str, str]] = {
    "alembic_version": "one row, the number of the newest migration",
}
OF_NO_ORGANISATION: Final[Mapping[str, str]] = {
    "alembic_version": "of the database",
    "attempt": "tries to sign in, by hashed address, before anybody is known",
    "inbox_entry": "which event a consumer has handled; shown to the worker only",
    "observation": "of a gateway, whose organisation it is; shown to the worker only",
    "organisation": "the organisation itself: its own row is found by id",
    "outbox_event": "names its audience in the payload; requests may only add to it",
    "outside_account": "of a person, who may belong to several organisations",
    "parked_event": "an event a consumer failed on; shown to the worker only",
    "passkey": "of a person",
    "password": "of a person",
    "person": "may belong to several organisations",
    "recovery_code": "of a person",
    "risk_counter": "the newest number of a year's notices",
    "search_word": "words of public documents, of nobody in particular",
    "ticket": "of a person, or of somebody on the way to become one",
    "totp": "of a person",
}
PLAIN_KEYS: Final[Mapping[str, str]] = {
    "fk_call_appeal_call_id_code_call_paper": "a paper in another's call",
    "fk_call_award_escrow_id_ledger_escrow": "the prize, set aside by the worker",
    "fk_call_paper_id_call_submission": "the submitter's record of the call owner's paper",
    "fk_call_park_park": "a call is of the park of its operator",
    "fk_call_space_id_space": "a call is of the space of its lead",
    "fk_calendar_feed_resource_id_resource": "a calendar of a resource one books, another's",
    "fk_chain_figure_space_id_space": "a figure is in a space another organisation may lead",
    "fk_chain_order_space_id_space": "shown in a space another organisation may lead",
    "fk_chain_product_space_id_space": "tracked in a space another organisation may lead",
    "fk_chain_record_of_product": "the maker's product, recorded by others",
    "fk_clearing_entry_booking_id_booking": "the buyer's booking, made by the worker",
    "fk_clearing_entry_round_id_clearing_round": "a demand in a round another organisation opened",
    "fk_clearing_offer_round_id_clearing_round": "who offered in a round another opened",
    "fk_clearing_round_park_park": "a round is of the park of its operator",
    "fk_clearing_round_space_id_space": "a round is of the space of its lead",
    "fk_deal_park_park": "asked for in a park another organisation operates",
    "fk_deal_space_id_space": "asked for in a space another organisation may lead",
    "fk_handover_booking_id_booking": "the buyer's booking; the policy compares both parties",
    "fk_incubated_team_award_id_call_award": "what a team won in the incubator's own call",
    "fk_incubation_programme_space_id_space": "the space the incubator opens for its cohort",
    "fk_launch_booking_id_booking": "its buyer's booking: the policy of inserting compares the two",
    "fk_ledger_entry_account_id_currency_ledger_account": "pays into another's account",
    "fk_ledger_entry_transaction_id_ledger_transaction": "what another brought about",
    "fk_ledger_escrow_share_rule_id_ledger_share_rule": "the payee's rule, for the payer's escrow",
    "fk_ledger_movement_transaction_id_ledger_transaction": "either party's doing",
    "fk_library_item_space_id_space": "shown in a space another organisation may lead",
    "fk_offer_space_id_space": "shown in a space another organisation may lead",
    "fk_park_member_park_park": "a member stands in the park of its operator",
    "fk_purchase_list_park_park": "open in a park another organisation operates",
    "fk_purchase_list_space_id_space": "open in a space another organisation may lead",
    "fk_lot_pool_demand_escrow_id_ledger_escrow": "the order of a pooled demand, by the worker",
    "fk_gig_escrow_id_ledger_escrow": "the pay of the gig, opened by its publisher",
    "fk_gig_team_id_project": "the worker's team",
    "fk_project_agreement_project_id_project": "proposed by a member of another's project",
    "fk_project_award_id_call_award": "carries out the award of another's call",
    "fk_project_consent_of_agreement": "a member's word on another's proposal",
    "fk_project_decision_project_id_project": "proposed by a member of another's project",
    "fk_project_download_of_file": "a member took another's file",
    "fk_project_file_project_id_project": "shared by a member of another's project",
    "fk_project_member_project_id_project": "a place in another's project",
    "fk_project_park_park": "shown in a park another organisation operates",
    "fk_project_plan_item_project_id_project": "planned by a member of another's project",
    "fk_project_space_id_space": "shown in a space another organisation may lead",
    "fk_project_vote_of_decision": "a member's vote on another's proposal",
    "fk_team_income_escrow_id_ledger_escrow": "paid by another, written by the worker",
    "fk_team_income_gig_id_gig": "another's gig, written by the worker",
    "fk_team_income_project_id_project": "the payee's team, written by the worker",
    "fk_park_service_park_park": "a service for a park another organisation operates",
    "fk_resource_space_id_space": "shown in a space another organisation may lead",
    "fk_risk_report_notice_id_risk_notice": "what became of a report: another's notice",
    "fk_sample_booking_id_booking": "the buyer's booking; the policy compares both parties",
    "fk_site_park_park": "a site stands in the park of its operator",
    "fk_space_member_space_id_space": "a member is in the space of its lead",
    "fk_waitlist_entry_booking_id_booking": "the waiting buyer's booking, made by the worker",
}
OTHER_OWNERS: Final[Mapping[str, str]] = {
    "fk_best_practice_applicant_id_application_id_programme__9926": (
        "the applicant's project, on a page of whoever awarded it"
    ),
    "fk_booking_provider_id_resource_id_resource": "the provider's resource, booked by a buyer",
    "fk_call_appeal_owner_id_call_id_call": "the call appealed to, for the appellant",
    "fk_call_submission_owner_id_call_id_call": "the call submitted to, for the submitter",
    "fk_gateway_member_owner_id_gateway_id_gateway": "the owner's gateway, serving a member",
    "fk_introduction_of_team": "the team's introduction, of an incubator's team",
    "fk_introduction_to_approved": "to whom the team's incubator vouches for",
    "fk_ledger_entry_initiator_id_transaction_id_ledger_transaction": "who brought the entry about",
    "fk_library_access_version": "the owner's version, downloaded by a licensee",
    "fk_library_licence_owner_id_item_id_library_item": "the owner's item, for a licensee",
    "fk_gig_application_of_gig": "another's gig, applied for",
    "fk_lot_pool_demand_of_pool": "a demand in another's pool",
    "fk_waitlist_entry_provider_id_resource_id_resource": "a resource a buyer waits for",
    "fk_programme_application_owner_id_call_id_call": "the call applied to, for the applicant",
    "fk_programme_recommendation_applicant_id_application_id_0eb9": (
        "the applicant's project, for its recommender"
    ),
    "fk_product_order_of_version": "the version of the maker's product, for its buyer",
    "fk_park_request_of_service": "the provider's service, asked for by a member",
    "fk_risk_delivery_author_id_notice_id_risk_notice": "the author's notice, for a recipient",
}
OPEN: Final[Mapping[str, str]] = {
    "deal_score_read": "what the record says of organisations is public; the worker writes it",
    "investor_approval_read": "who vouches for which investor is a public register",
    "ledger_account_kept": "the owner's triggers keep balances",
    "ledger_entry_summed": "the owner's triggers see that all entries of a transaction balance",
    "ledger_escrow_compared": "the owner's triggers compare escrows with their accounts",
    "lot_pool_read": "pools are offers to everybody",
    "organisation_read": "the directory of organisations is public",
    "outbox_event_insert": "what a request tells; it reads none",
    "park_member_read": "who stands in a park is public",
    "park_read": "the parks are public",
    "purchase_item_counted": "the owner's trigger keeps the pooled totals",
    "purchase_part_summed": "the owner's trigger sums the parts of everybody",
    "risk_counter_delete": "numbers, nothing else",
    "risk_counter_insert": "numbers, nothing else",
    "risk_counter_read": "numbers, nothing else",
    "risk_counter_update": "numbers, nothing else",
    "search_document_read": "public things only; the worker writes it",
    "search_word_read": "words of public documents only; the worker writes it",
    "work_standing_read": "how workers and teams rank is public; the worker writes it",
}
DEFINERS: Final[Mapping[str, str]] = {
    "booking_refers": "looks whether who books and what is booked are there; passes or refuses",
    "booking_refers_anew": "the same of a changed booking",
    "ledger_escrow_agrees": "compares an escrow with its account; lets pass or refuses",
    "ledger_is_balanced": "sums entries of everybody; lets pass or refuses",
    "ledger_keep_balances": "adds entries to balances of accounts the caller may not see",
    "purchase_counts_parts": "sums parts the caller may not see into the totals of a list",
    "organisation_is_referred": "looks for bookings of whoever goes; lets pass or refuses",
    "reservation_refers": "looks whether what is reserved is there; lets pass or refuses",
    "resource_is_referred": "looks for bookings of what goes; lets pass or refuses",
}
REGION_READS: Final[Mapping[str, str]] = {
    "alembic_version": "whether the schema is the one the process knows",
}
ROW_PRIVILEGES: Final = {"SELECT", "INSERT", "UPDATE", "DELETE"}
"""TRUNCATE, REFERENCES and TRIGGER are not bound by row security."""

_TABLES: Final = """
SELECT c.relname, c.relrowsecurity, c.relforcerowsecurity,
       EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND NOT a.attisdropped
                  AND a.attname = 'organisation_id')
  FROM pg_class c
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
 ORDER BY c.relname
"""
_POLICIES: Final = """
SELECT p.polname, c.relname, p.polroles = '{0}'::oid[],
       ARRAY(SELECT r.rolname::text FROM pg_roles r WHERE r.oid = ANY (p.polroles)),
       pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)
  FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
 ORDER BY p.polname
"""
_KEYS: Final = """
SELECT k.conname, k.conrelid::regclass::text,
       ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY AS n(number, place)
               JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = n.number
              ORDER BY n.place),
       ARRAY(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY AS n(number, place)
               JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = n.number
              ORDER BY n.place)
  FROM pg_constraint k
 WHERE k.contype = 'f' AND k.connamespace = 'public'::regnamespace AND k.conparentid = 0
   AND 2 = (SELECT count(*) FROM pg_attribute a WHERE NOT a.attisdropped
               AND a.attname = 'organisation_id'
               AND a.attrelid IN (k.conrelid, k.confrelid))
 ORDER BY k.conname
"""
_OF_EXTENSION: Final = """
EXISTS (SELECT FROM pg_depend d
         WHERE d.classid = '{kind}'::regclass AND d.objid = o.oid AND d.deptype = 'e')
"""
_PUBLIC: Final = f"""
SELECT 'relation ' || o.relname, a.privilege_type FROM pg_class o, aclexplode(o.relacl) a
 WHERE o.relnamespace = 'public'::regnamespace AND a.grantee = 0
UNION ALL
SELECT 'column ' || c.relname || '.' || t.attname, a.privilege_type
  FROM pg_attribute t JOIN pg_class c ON c.oid = t.attrelid, aclexplode(t.attacl) a
 WHERE c.relnamespace = 'public'::regnamespace AND a.grantee = 0
UNION ALL
SELECT 'function ' || o.proname, a.privilege_type
  FROM pg_proc o, aclexplode(coalesce(o.proacl, acldefault('f', o.proowner))) a
 WHERE o.pronamespace = 'public'::regnamespace AND a.grantee = 0
   AND o.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)
   AND NOT {_OF_EXTENSION.format(kind="pg_proc")}
UNION ALL
SELECT 'schema public', a.privilege_type FROM pg_namespace o, aclexplode(o.nspacl) a
 WHERE o.nspname = 'public' AND a.grantee = 0 AND a.privilege_type <> 'USAGE'
UNION ALL
SELECT 'whatever ' || o.defaclrole::regrole || ' makes', a.privilege_type
  FROM pg_default_acl o, aclexplode(o.defaclacl) a WHERE a.grantee = 0
"""  # noqa: S608 - of the constants above


def breaches(connection: Connection) -> list[str]:
    """Each breach of a rule, as a sentence; none when the database is as it must be."""
    return [breach for check in CHECKS for breach in check(connection)]


def _tables_are_protected(connection: Connection) -> Iterator[str]:
    found = connection.execute(_TABLES).fetchall()
    open_, homeless = set(), set()
    for table, enabled, forced, has_organisation in found:
        if not (enabled and forced):
            open_.add(table)
        if not has_organisation:
            homeless.add(table)
    yield from _listed("table {} has no forced row security", open_, UNPROTECTED)
    yield from _listed("table {} has no organisation_id", homeless, OF_NO_ORGANISATION)


def _everything_is_the_owners(connection: Connection) -> Iterator[str]:
    found = connection.execute(
        f"""
        SELECT 'relation ' || o.relname, o.relowner::regrole::text FROM pg_class o
         WHERE o.relnamespace = 'public'::regnamespace AND o.relkind IN ('r', 'p', 'v', 'm', 'S')
        UNION ALL
        SELECT 'function ' || o.proname, o.proowner::regrole::text FROM pg_proc o
         WHERE o.pronamespace = 'public'::regnamespace
           AND NOT {_OF_EXTENSION.format(kind="pg_proc")}
        """  # noqa: S608 - of the constants above
    )
    for thing, owner in found:
        if owner != OWNER:
            yield f"{thing} belongs to {owner}"


def _other_schemas_are_none(connection: Connection) -> Iterator[str]:
    for (schema,) in connection.execute(
        "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_'"
        " AND nspname NOT IN ('public', 'information_schema')"
    ):
        yield f"schema {schema} is one these rules do not look at"


def _policies_are_for_named_roles(connection: Connection) -> Iterator[str]:
    open_ = set()
    for policy, table, everybody, roles, using, check in connection.execute(_POLICIES):
        if everybody:
            yield f"policy {policy} on {table} is for everybody"
        if roles != [WORKER] and "true" in {using, check}:
            open_.add(policy)
        for expression in filter(None, (using, check)):
            if not _reads_settings_once(expression):
                yield f"policy {policy} on {table} reads a setting for every row"
    yield from _listed("policy {} lets everything pass", open_, OPEN)


def _serving_roles_are_small(connection: Connection) -> Iterator[str]:
    for role, *attributes in connection.execute(
        "SELECT rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication"
        "  FROM pg_roles WHERE rolname = ANY (%s)",
        [[*SERVING, OWNER, MIGRATOR]],
    ):
        if any(attributes):
            yield f"role {role} is a superuser, bypasses row security or makes roles or databases"
    for role in SERVING:
        for (of,) in connection.execute(
            "SELECT o.rolname FROM pg_roles o WHERE o.rolname <> %(role)s"
            "   AND pg_has_role(%(role)s, o.oid, 'MEMBER')",
            {"role": role},
        ):
            yield f"role {role} is a member of {of}"
        makes = connection.execute(
            "SELECT has_schema_privilege(%(role)s, 'public', 'CREATE')"
            "    OR has_database_privilege(%(role)s, current_database(), 'CREATE')",
            {"role": role},
        ).fetchone()
        if makes == (True,):
            yield f"role {role} may create in the schema or the database"


def _keys_stay_within_an_organisation(connection: Connection) -> Iterator[str]:
    plain, other = set(), set()
    for name, _, columns, targets in connection.execute(_KEYS):
        pairs = dict(zip(targets, columns, strict=True))
        if "organisation_id" not in pairs:
            plain.add(name)
        elif pairs["organisation_id"] != "organisation_id":
            other.add(name)
    yield from _listed("foreign key {} does not include the organisation", plain, PLAIN_KEYS)
    yield from _listed("foreign key {} is of another's organisation", other, OTHER_OWNERS)


def _views_ask_as_the_reader(connection: Connection) -> Iterator[str]:
    for view, kind, options in connection.execute(
        "SELECT relname, relkind::text, coalesce(reloptions, '{}') FROM pg_class"
        " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('v', 'm', 'f')"
    ):
        if kind == "v" and "security_invoker=true" in options:
            continue
        yield f"view {view} reads with its owner's rights"


def _no_function_lends_its_rights(connection: Connection) -> Iterator[str]:
    lending = {
        row[0]
        for row in connection.execute(
            "SELECT proname FROM pg_proc WHERE prosecdef AND pronamespace = 'public'::regnamespace"
        )
    }
    yield from _listed("function {} works with its owner's rights", lending, DEFINERS)


def _nothing_is_granted_to_everybody(connection: Connection) -> Iterator[str]:
    for thing, privilege in connection.execute(_PUBLIC):
        yield f"everybody has {privilege} on {thing}"


def _privileges_are_bound_by_row_security(connection: Connection) -> Iterator[str]:
    for role, table, privilege in connection.execute(
        "SELECT a.grantee::regrole::text, o.relname, a.privilege_type"
        "  FROM pg_class o, aclexplode(o.relacl) a"
        " WHERE o.relnamespace = 'public'::regnamespace AND o.relkind IN ('r', 'p', 'v', 'm')"
        "   AND a.grantee NOT IN (0, to_regrole(%s))",
        [OWNER],
    ):
        if privilege not in ROW_PRIVILEGES:
            yield f"role {role} has {privilege} on {table}"
        if role not in SERVING:
            yield f"role {role}, which serves nobody, has {privilege} on {table}"


def _the_region_reads_what_is_listed(connection: Connection) -> Iterator[str]:
    found = connection.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        " AND relkind IN ('r', 'p', 'v', 'm')"
        " AND (has_table_privilege(%(region)s, oid, 'SELECT, INSERT, UPDATE, DELETE')"
        "   OR has_any_column_privilege(%(region)s, oid, 'SELECT, INSERT, UPDATE'))",
        {"region": REGION},
    )
    readable = {row[0] for row in found}
    yield from _listed(f"{REGION} may reach {{}}", readable, REGION_READS)


def _protected_tables_have_policies(connection: Connection) -> Iterator[str]:
    """What a role was granted, a policy shows it; else the grant says what is not so."""
    for role, table in connection.execute(
        "SELECT r.rolname, c.relname FROM pg_class c, pg_roles r"
        " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')"
        "   AND c.relrowsecurity AND r.rolname = ANY (%s)"
        "   AND has_table_privilege(r.oid, c.oid, 'SELECT')"
        "   AND NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid"
        "                      AND r.oid = ANY (p.polroles) AND p.polcmd IN ('r', '*'))",
        [[APP, REGION]],
    ):
        yield f"role {role} may select from {table}, but no policy shows it a row"


CHECKS: Final[tuple[Check, ...]] = (
    _tables_are_protected,
    _everything_is_the_owners,
    _other_schemas_are_none,
    _policies_are_for_named_roles,
    _serving_roles_are_small,
    _keys_stay_within_an_organisation,
    _views_ask_as_the_reader,
    _no_function_lends_its_rights,
    _nothing_is_granted_to_everybody,
    _privileges_are_bound_by_row_security,
    _the_region_reads_what_is_listed,
    _protected_tables_have_policies,
)


def _listed(sentence: str, found: set[str], listed: Mapping[str, str]) -> Iterator[str]:
    for name in sorted(found - listed.keys()):
        yield sentence.format(name)
    for name in sorted(listed.keys() - found):
        yield f"{name} is listed as an exception ({listed[name]}) and is none"


def _reads_settings_once(expression: str) -> bool:
    """Whether each ``current_setting`` stands in a subselect of its own, without a table."""
    return all(
        any(_is_tableless_select(group) for group in _groups_around(expression, at.start()))
        for at in re.finditer(r"\bcurrent_setting\(", expression)
    )


def _groups_around(expression: str, position: int) -> Iterator[str]:
    """The parenthesised texts that enclose ``position``, from within outwards."""
    depth = 0
    for start in range(position - 1, -1, -1):
        depth += {")": 1, "(": -1}.get(expression[start], 0)
        if depth < 0:
            yield _group(expression, start)
            depth = 0


def _group(expression: str, start: int) -> str:
    depth = 0
    for end in range(start, len(expression)):
        depth += {"(": 1, ")": -1}.get(expression[end], 0)
        if depth == 0:
            return expression[start + 1 : end]
    raise AssertionError("PostgreSQL prints balanced parentheses")


def _is_tableless_select(group: str) -> bool:
    words = re.sub(r"\([^()]*\)", "", group)
    while words != (inner := re.sub(r"\([^()]*\)", "", words)):
        words = inner
    return words.lstrip().startswith("SELECT") and not re.search(r"\bFROM\b(?!\s+unnest\b)", words)
