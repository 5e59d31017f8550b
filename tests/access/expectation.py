"""What each cell must answer, derived from the policy registry and how callers stand to things.

Nothing here is asked of the server, nor of ``services.contracts.policies.decide``.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final

from services.contracts.access import Role
from services.contracts.policies import BECOMING_KNOWN, POLICIES, Action, Scope, Who
from tests.access.callers import ANONYMOUS, VALID, Caller
from tests.access.markers import Owner, Shown
from tests.access.world import Thing

MANAGING: Final = {Role.OWNER, Role.SELLER}
PLATFORM: Final = {Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.AUDIT_ADMIN}
SHARED_WITH_OWN: Final = {
    (Owner.NEIGHBOUR, Shown.PARK),
    (Owner.NEIGHBOUR, Shown.SPACE),
    (Owner.NEIGHBOUR, Shown.NDA),
}
"""By the park, the chain space and the agreement of ``world.found_organisations``."""
PARTIES: Final[Mapping[Action, Callable[[Thing], bool]]] = {
    Action.APPEAL_DECIDE: lambda appeal: appeal.giver is Owner.OWN,
    Action.BOOKING_CONFIRM: lambda booking: booking.taker is Owner.OWN,
    Action.BOOKING_LAUNCH: lambda booking: booking.taker is Owner.OWN,
    Action.BOOKING_MOVE: lambda booking: booking.taker is Owner.OWN,
    Action.BOOKING_WORK: lambda booking: booking.giver is Owner.OWN,
    Action.DEAL_WRITE: lambda deal: deal.owner is Owner.OWN,
    Action.QUOTE_COMPARE: lambda deal: deal.owner is Owner.OWN,
    Action.QUOTE_TAKE_BACK: lambda quote: quote.giver is Owner.OWN,
    Action.QUOTE_CHOOSE: lambda quote: quote.taker is Owner.OWN,
    Action.ORDER_PAY: lambda order: order.taker is Owner.OWN,
    Action.ORDER_WORK: lambda order: order.giver is Owner.OWN,
    Action.ORDER_ACCEPT: lambda order: order.taker is Owner.OWN,
    Action.INVOICE_RECORD: lambda thing: thing.giver is Owner.OWN,
    Action.INVOICE_DECIDE: lambda invoice: invoice.taker is Owner.OWN,
    Action.PURCHASE_LEAD: lambda purchase: purchase.owner is Owner.OWN,
    Action.GIG_MANAGE: lambda gig: gig.owner is Owner.OWN,
    Action.POOL_ACCEPT: lambda demand: demand.taker is Owner.OWN,
    Action.GIG_WORK: lambda gig: gig.giver is Owner.OWN,
    Action.FINANCING_ANSWER: lambda asked: asked.giver is Owner.OWN,
    Action.FINANCING_DECIDE: lambda asked: asked.taker is Owner.OWN,
    Action.FINANCING_CONSENT: lambda asked: asked.taker is Owner.OWN,
    Action.SERVICE_ANSWER: lambda contract: contract.giver is Owner.OWN,
    Action.WORK_REQUEST: lambda contract: contract.taker is Owner.OWN,
    Action.WORK_DO: lambda order: order.giver is Owner.OWN,
    Action.WORK_CLOSE: lambda order: order.taker is Owner.OWN,
    Action.WORK_PAY: lambda order: order.taker is Owner.OWN,
    Action.REMOTE_REQUEST: lambda order: order.giver is Owner.OWN,
    Action.REMOTE_CONSENT: lambda session: session.taker is Owner.OWN,
    Action.REMOTE_LOOK: lambda session: session.giver is Owner.OWN,
    Action.PRODUCT_ORDER_DECIDE: lambda order: order.taker is Owner.OWN,
    Action.SAMPLE_HANDLE: lambda sample: sample.giver is Owner.OWN,
    Action.HANDOVER_RECORD: lambda booking: booking.giver is Owner.OWN,
    Action.HANDOVER_CONFIRM: lambda handover: handover.taker is Owner.OWN,
    Action.INCUBATED_TEAM_LEAD: lambda team: team.owner is Owner.OWN,
    Action.INTRODUCTION_CONSENT: lambda asked: asked.taker is Owner.OWN,
    Action.MILESTONE_REPORT: lambda milestone: milestone.taker is Owner.OWN,
    Action.MILESTONE_CONFIRM: lambda milestone: milestone.owner is Owner.OWN,
    Action.LICENCE_END: lambda licence: licence.taker is Owner.OWN,
    Action.RISK_NOTICE_ACKNOWLEDGE: lambda notice: notice.taker is Owner.OWN,
    Action.APPLICATION_CHANGE: lambda application: application.owner is Owner.OWN,
    Action.PROGRESS_REPORT_WRITE: lambda application: application.owner is Owner.OWN,
    Action.PROGRESS_REPORT_REVIEW: lambda report: report.taker is Owner.OWN,
    Action.BEST_PRACTICE_CONSENT: lambda page: page.taker is Owner.OWN,
    Action.PROJECT_RECOMMEND: lambda application: application.taker is Owner.OWN,
    Action.SPACE_MEMBER_ADD: lambda space: space.owner is Owner.OWN,
    Action.SPACE_MEMBER_REMOVE: lambda space: space.owner is Owner.OWN,
}
"""Actions only one of the parties may do, only who leads, or only whom something was sent to."""
OF_EVERYBODY: Final[Mapping[Action, Role]] = {
    Action.AUDIT_READ: Role.AUDIT_ADMIN,
    Action.DISPUTE_READ: Role.SYSTEM_ADMIN,
    Action.QUARANTINE_READ: Role.SYSTEM_ADMIN,
    Action.RISK_DELIVERY_READ: Role.SECURITY_ADMIN,
    Action.RISK_FINDING_READ: Role.SECURITY_ADMIN,
    Action.RISK_NOTICE_READ: Role.SECURITY_ADMIN,
    Action.RISK_NOTICE_WITHDRAW: Role.SECURITY_ADMIN,
    Action.RISK_REPORT_READ: Role.SECURITY_ADMIN,
}
"""What lets an administrator reach everybody's things beside the own ones."""
OWN_BUT_FOR: Final[Mapping[Action, Role]] = {
    Action.RISK_NOTICE_APPROVE: Role.SECURITY_ADMIN,
    Action.RISK_NOTICE_RELEASE: Role.SECURITY_ADMIN,
}
"""Of the platform's scope for this role only: others reach their organisation's own."""


class Cell(StrEnum):
    """What is expected of an answer."""

    ALLOWED = "allowed"
    """A success, or a refusal that has nothing to do with who asks."""
    NARROWED = "allowed, or refused for naming another organisation"
    UNAUTHENTICATED = "401"
    FORBIDDEN = "403"
    ABSENT = "404"
    MALFORMED = "404 or 422"
    REFUSED = "a refusal, as for a thing that never was"


def expected(action: Action, caller: Caller, credential: str, thing: Thing | None) -> Cell:
    """What ``caller`` must hear who does ``action`` to ``thing``."""
    policy = POLICIES[action]
    if action in BECOMING_KNOWN:
        caller = ANONYMOUS
    elif credential not in {VALID, "none"}:
        return Cell.UNAUTHENTICATED
    elif credential == "none":
        caller = ANONYMOUS
    if policy.who is not Who.ANYONE:
        if caller.is_anonymous:
            return Cell.UNAUTHENTICATED
        if not _may(action, caller):
            return Cell.FORBIDDEN
    return Cell.ALLOWED if thing is None else _found(action, caller, thing)


def _may(action: Action, caller: Caller) -> bool:
    policy = POLICIES[action]
    if policy.person and not caller.is_person:
        return False
    if policy.strong and not caller.strong:
        return False
    if policy.who is Who.SIGNED_IN:
        return True
    if policy.who is Who.MEMBER:
        return caller.acts
    return caller.acts and bool(set(policy.who) & caller.roles)


def _found(action: Action, caller: Caller, thing: Thing) -> Cell:
    if thing.is_garbage:
        return Cell.MALFORMED
    return Cell.ALLOWED if thing.exists and _reaches(action, caller, thing) else Cell.ABSENT


def _reaches(action: Action, caller: Caller, thing: Thing) -> bool:
    scope = POLICIES[action].scope
    if OF_EVERYBODY.get(action) in caller.roles:
        return True
    if scope is Scope.PLATFORM:
        return OWN_BUT_FOR.get(action) in {None, *caller.roles} or _is_own(thing)
    if thing.of_caller is not None:
        return thing.of_caller
    if scope in {Scope.PUBLIC, Scope.VISIBLE}:
        is_party = caller.acts and Owner.OWN in thing.parties
        return is_party or sees(caller, thing.owner, thing.shown)
    return PARTIES[action](thing) if action in PARTIES else caller.acts and _is_own(thing)


def _is_own(thing: Thing) -> bool:
    return Owner.OWN in thing.owners


def sees(caller: Caller, owner: Owner, shown: Shown) -> bool:
    """Whether what ``owner`` shows like this is for ``caller``'s eyes."""
    if shown is Shown.PUBLIC:
        return True
    if not caller.acts:
        return False
    if owner is Owner.OWN:
        return shown is not Shown.PRIVATE or bool(caller.roles & MANAGING)
    return (owner, shown) in SHARED_WITH_OWN


def may_show(action: Action, caller: Caller, owner: Owner, shown: Shown) -> bool:
    """Whether an answer to ``action`` may betray such a thing to ``caller``."""
    if OF_EVERYBODY.get(action) in caller.roles:
        return True
    return POLICIES[action].scope is Scope.PLATFORM or sees(caller, owner, shown)
