"""What an introduction lets an investor read of a team's documents, as SQL.

Row security and the explicit filters of stores say it with the same words. The tables are kept by
``marketplace.incubation``.
"""

from services.runtime.nda_rule import CALLER


def introduced(*, caller: str = CALLER, now: str = "now()") -> str:
    """The team consented to showing the caller this document, and the consent is in force.

    It ends with its time, when the team revokes it, and when the incubator vouches for the
    investor no more. Secret documents need an agreement all the same.

    Args:
        caller: SQL of the reading organisation.
        now: SQL of the instant.
    """
    return (
        "(document.confidentiality <> 'secret' AND EXISTS (SELECT FROM introduction_item AS item"
        f" WHERE item.document_id = document.id AND item.investor_id = {caller}"
        f" AND item.organisation_id = document.organisation_id AND {in_force('item', now=now)}))"
    )


def in_force(item: str, *, now: str = "now()") -> str:
    """The consent that ``item`` is shown by holds.

    Args:
        item: name of a row of ``introduction_item``.
        now: SQL of the instant.
    """
    return (
        "EXISTS (SELECT FROM introduction AS given JOIN investor_approval AS vouched"
        " ON vouched.id = given.approval_id AND vouched.withdrawn_at IS NULL"
        f" WHERE given.id = {item}.introduction_id AND given.state = 'consented'"
        f" AND given.expires_at > {now})"
    )
