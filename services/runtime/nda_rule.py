"""What a signed confidentiality agreement lets its counterparty read, as SQL.

Row security and the explicit filters of stores say it with the same words. The table is kept by
``services.agreements``.
"""

from collections.abc import Iterable
from typing import Final

CALLER: Final = "(SELECT nullif(current_setting('app.org', true), '')::uuid)"


def under_nda(
    table: str,
    *,
    subjects: Iterable[tuple[str, str]],
    caller: str = CALLER,
    now: str = "now()",
) -> str:
    """The row's organisation and the caller have both signed, and it is in force.

    Args:
        table: whose ``organisation_id`` owns the secret.
        subjects: SQL of kind and of id of what the row is part of; an agreement about everything
            covers them all.
        caller: SQL of the reading organisation.
        now: SQL of the instant.
    """
    covered = " OR ".join(
        f"(nda.subject_kind = {kind} AND nda.subject_id = {subject})" for kind, subject in subjects
    )
    return (
        f"EXISTS (SELECT FROM nda WHERE nda.organisation_id = {table}.organisation_id"
        f" AND nda.counterparty_id = {caller}"
        " AND nda.owner_signed_at IS NOT NULL AND nda.counterparty_signed_at IS NOT NULL"
        f" AND nda.revoked_at IS NULL AND nda.expires_at > {now}"
        f" AND (nda.subject_kind IS NULL OR {covered or 'false'}))"
    )


def confided(condition: str) -> str:
    """``condition`` for documents an agreement opens: those of a library are licensed as well."""
    return f"(document.subject_kind IS DISTINCT FROM 'library_item' AND {condition})"


def known_to(table: str) -> str:
    """There is, or was, an agreement in which the row's organisation entrusts the caller."""
    return (
        f"EXISTS (SELECT FROM nda WHERE nda.organisation_id = {table}.organisation_id"
        f" AND nda.counterparty_id = {CALLER})"
    )


DOCUMENT_SUBJECTS: Final = (
    ("'document'", "document.id"),
    ("document.subject_kind", "document.subject_id"),
)
RESOURCE_SUBJECTS: Final = (("'resource'", "resource.id"),)
OFFER_SUBJECTS: Final = (("'offer'", "offer.id"),)
LISTING_SUBJECTS: Final = (("'resource'", "listing.resource_id"), ("'offer'", "listing.offer_id"))
