"""The one registry of what may be done by whom. Every route declares one action of it.

``docs/access.md`` is generated from here; tests probe every cell of it.
"""

from typing import Final

from services.contracts.actions import Action
from services.contracts.policies import (
    booking,
    calls,
    capacity,
    chains,
    deals,
    door,
    finance,
    ideas,
    identity,
    incubation,
    ledger,
    library,
    market,
    parks,
    products,
    programmes,
    projects,
    purchasing,
    service_contracts,
    tracking,
    trust,
)
from services.contracts.policies.deciding import Decision, Policies, Policy, Scope, Who, decide

__all__ = ["BECOMING_KNOWN", "POLICIES", "Action", "Decision", "Policy", "Scope", "Who", "decide"]

POLICIES: Final[Policies] = {
    **identity.POLICIES,
    **capacity.POLICIES,
    **market.POLICIES,
    **deals.POLICIES,
    **calls.POLICIES,
    **programmes.POLICIES,
    **finance.POLICIES,
    **purchasing.POLICIES,
    **products.POLICIES,
    **service_contracts.POLICIES,
    **tracking.POLICIES,
    **incubation.POLICIES,
    **ideas.POLICIES,
    **library.POLICIES,
    **projects.POLICIES,
    **chains.POLICIES,
    **parks.POLICIES,
    **booking.POLICIES,
    **ledger.POLICIES,
    **trust.POLICIES,
    **door.POLICIES,
}
BECOMING_KNOWN: Final = frozenset({Action.SIGN_UP, Action.SIGN_IN, Action.PASSWORD_RESET})
"""Whoever does these is nobody yet: a token that came along, good or not, is not looked at."""
