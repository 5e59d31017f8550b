"""Who may do what to which things: the words of a policy, and what follows from one."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from services.contracts.access import Principal, PrincipalKind, Role
from services.contracts.actions import Action


class Who(StrEnum):
    """Callers that are no set of roles."""

    ANYONE = "anyone"
    SIGNED_IN = "signed_in"
    MEMBER = "member"
    """Signed in and acting for an organisation, in any role."""


class Scope(StrEnum):
    """Which things an action reaches; anything else answers as if it did not exist."""

    PUBLIC = "public"
    VISIBLE = "visible"
    """What its visibility shows the caller: private, organisation, space, park, NDA, public."""
    OWN = "own"
    """Things of the organisation the caller acts for, or parties to."""
    SELF = "self"
    """The caller's own account and credentials."""
    PLATFORM = "platform"
    """Everybody's, for the platform's administrators."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Who may do an action, and to which things.

    ``strong`` asks for a proven second factor, ``person`` for no program. ``en`` and ``zh`` say
    it to a person.
    """

    who: Who | frozenset[Role]
    scope: Scope
    en: str
    zh: str
    strong: bool = False
    person: bool = False


class Decision(StrEnum):
    ALLOWED = "allowed"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    SECOND_FACTOR_REQUIRED = "second-factor-required"


def decide(policy: Policy, principal: Principal) -> Decision:
    """Whether ``principal`` may do what ``policy`` governs, before any thing is looked at."""
    if policy.who is Who.ANYONE:
        return Decision.ALLOWED
    if principal.is_anonymous:
        return Decision.UNAUTHENTICATED
    if policy.who is Who.SIGNED_IN:
        allowed = True
    elif policy.who is Who.MEMBER:
        allowed = principal.organisation_id is not None
    else:
        allowed = principal.organisation_id is not None and not policy.who.isdisjoint(
            principal.roles
        )
    if policy.person and principal.kind is not PrincipalKind.PERSON:
        allowed = False
    if not allowed:
        return Decision.FORBIDDEN
    if policy.strong and not principal.strong:
        return Decision.SECOND_FACTOR_REQUIRED
    return Decision.ALLOWED


Policies = Mapping[Action, Policy]
