"""What must hold of the whole ledger, asked of every row of it."""

from typing import Final

from sqlmodel import Session, text

_SUM: Final = text("SELECT coalesce(sum(amount_minor), 0) FROM ledger_entry")
_COUNTS: Final = text(
    "SELECT (SELECT count(*) FROM ledger_account), (SELECT count(*) FROM ledger_transaction),"
    " (SELECT count(*) FROM ledger_entry), (SELECT count(*) FROM ledger_escrow),"
    " (SELECT count(*) FROM ledger_payment)"
)
CHECKS: Final = {
    "currency {} does not sum to zero": """
        SELECT currency FROM ledger_entry GROUP BY currency HAVING sum(amount_minor) <> 0""",
    "transaction {} does not balance": """
        SELECT transaction_id FROM ledger_entry GROUP BY transaction_id, currency
        HAVING sum(amount_minor) <> 0""",
    "transaction {} has fewer than two entries": """
        SELECT t.id FROM ledger_transaction t
         WHERE (SELECT count(*) FROM ledger_entry e WHERE e.transaction_id = t.id) < 2""",
    "account {} keeps another balance than its entries sum to": """
        SELECT a.id FROM ledger_account a
         WHERE a.balance_minor IS NOT NULL AND a.balance_minor <> (
           SELECT coalesce(sum(amount_minor), 0) FROM ledger_entry e WHERE e.account_id = a.id)""",
    "account {} is below zero": """
        SELECT id FROM ledger_account
         WHERE balance_minor < 0 AND kind IN ('escrow', 'tax', 'wallet')""",
    "escrow {} says something else than its account": """
        SELECT s.id FROM ledger_escrow s
          LEFT JOIN ledger_account a ON a.kind = 'escrow' AND a.of = s.id
         WHERE s.funded_minor - s.released_minor - s.refunded_minor
           <> coalesce(a.balance_minor, 0)""",
    "escrow {} moved something else than its movements tell": """
        SELECT s.id FROM ledger_escrow s
         WHERE (s.funded_minor, s.released_minor, s.refunded_minor) <> (
           SELECT coalesce(sum(minor) FILTER (WHERE kind = 'funded'), 0),
                  coalesce(sum(minor) FILTER (WHERE kind = 'released'), 0),
                  coalesce(sum(minor) FILTER (WHERE kind = 'refunded'), 0)
             FROM ledger_movement m WHERE m.escrow_id = s.id)""",
    "reversal {} is no mirror of what it reverses": """
        SELECT t.id FROM ledger_transaction t WHERE t.reverses IS NOT NULL AND EXISTS (
          SELECT account_id, sum(amount_minor) FROM ledger_entry
           WHERE transaction_id IN (t.id, t.reverses)
           GROUP BY account_id HAVING sum(amount_minor) <> 0)""",
    "payment {} succeeded without its posting": """
        SELECT p.id FROM ledger_payment p WHERE p.state = 'succeeded' AND NOT EXISTS (
          SELECT FROM ledger_transaction t WHERE t.fact_id = p.id
             AND t.kind IN ('funding', 'late_funding', 'payout_settled'))""",
    "payout {} came to nothing and was not given back": """
        SELECT p.id FROM ledger_payment p WHERE p.kind = 'payout' AND p.state = 'failed'
           AND NOT EXISTS (SELECT FROM ledger_transaction t
                            WHERE t.fact_id = p.id AND t.kind = 'reversal')""",
    "payment {} that is not over moved money in": """
        SELECT p.id FROM ledger_payment p WHERE p.kind = 'funding' AND p.state <> 'succeeded'
           AND EXISTS (SELECT FROM ledger_transaction t WHERE t.fact_id = p.id)""",
}
"""What is wrong, with the query whose every row is such a thing."""


def total(session: Session) -> int:
    """The sum of all entries: nothing."""
    return int(session.connection().execute(_SUM).scalar_one())


def counts(session: Session) -> tuple[int, int, int, int, int]:
    """Accounts, transactions, entries, escrows, payments."""
    accounts, transactions, entries, escrows, payments = session.connection().execute(_COUNTS).one()
    return accounts, transactions, entries, escrows, payments


def breaches(session: Session, *, limit: int) -> list[str]:
    """Each thing that is not as it must be, as a sentence; ``limit`` of a kind at most."""
    return [
        sentence.format(row[0])
        for sentence, query in CHECKS.items()
        for row in session.connection().execute(text(query)).fetchmany(limit)
    ]
