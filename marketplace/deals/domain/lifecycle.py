"""The life of a deal: one table says which move leads where, who may make it, and what must hold.

One life is that of a buyer's request with one supplier: until the award it is kept by the bid, from
the award on by the order. Only the owner of the request sees all of its lives together (``stage``).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import ClassVar, Final

from services.contracts.errors import DomainError, ErrorKind


class State(StrEnum):
    DRAFT = "draft"
    PUBLISHED = "published"
    CLARIFY = "clarify"
    """A question is open between buyer and supplier."""
    QUOTED = "quoted"
    SHORTLISTED = "shortlisted"
    SLOT_HELD = "slot_held"
    AWARDED = "awarded"
    IN_PRODUCTION = "in_production"
    INSPECTED = "inspected"
    ACCEPTED = "accepted"
    DISPUTED = "disputed"
    SETTLED = "settled"
    NO_BID = "no_bid"
    PASSED_OVER = "passed_over"
    """Another supplier was awarded."""
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


class Party(StrEnum):
    BUYER = "buyer"
    SUPPLIER = "supplier"
    PLATFORM = "platform"
    """The worker: time has passed, or another context has told something."""


class Move(StrEnum):
    PUBLISH = "publish"
    ASK = "ask"
    QUOTE = "quote"
    DECLINE = "decline"
    TAKE_BACK = "take_back"
    SHORTLIST = "shortlist"
    HOLD = "hold"
    LOSE_HOLD = "lose_hold"
    AWARD = "award"
    PASS_OVER = "pass_over"  # noqa: S105 - a name, no secret
    REVISE = "revise"
    WITHDRAW = "withdraw"
    EXPIRE = "expire"
    CALL_OFF = "call_off"
    START = "start"
    INSPECT = "inspect"
    REWORK = "rework"
    ACCEPT = "accept"
    DISPUTE = "dispute"
    AGREE = "agree"
    DECIDE = "decide"
    SETTLE = "settle"


class Guard(StrEnum):
    """What must hold for a move; whoever asks for it looks it up first."""

    COMPLETE = "complete"
    OPEN = "open"
    VALID = "valid"
    SLOTS_HELD = "slots_held"
    SLOTS_FIRM = "slots_firm"
    OVERDUE = "overdue"
    UNFUNDED = "unfunded"
    FUNDED = "funded"
    DELIVERED = "delivered"
    ACCEPTED_WHOLE = "accepted_whole"
    PASSED = "passed"
    REJECTED = "rejected"
    ESCROWED = "escrowed"
    AGREED = "agreed"
    DECIDED = "decided"
    """By an arbiter, in the dispute; the worker carries it out."""
    PAID_OUT = "paid_out"


@dataclass(frozen=True, slots=True)
class Rule:
    """``move`` leads from ``sources`` to ``target`` for each of ``by``, if all ``guards`` hold."""

    move: Move
    sources: frozenset[State]
    target: State
    by: frozenset[Party]
    guards: frozenset[Guard] = frozenset()


def _rule(
    move: Move, sources: Iterable[State], target: State, by: Iterable[Party], *guards: Guard
) -> Rule:
    return Rule(move, frozenset(sources), target, frozenset(by), frozenset(guards))


_UNANSWERED: Final = (State.PUBLISHED, State.CLARIFY)
_OPEN: Final = (*_UNANSWERED, State.QUOTED, State.SHORTLISTED, State.SLOT_HELD)
_REVISABLE: Final = (*_OPEN, State.NO_BID, State.WITHDRAWN, State.EXPIRED)
_CHOSEN: Final = (State.SHORTLISTED, State.SLOT_HELD)
WORKING: Final = (State.IN_PRODUCTION, State.INSPECTED)
"""The states of an order in which work is delivered, looked at and paid."""
_BUYER, _SUPPLIER = (Party.BUYER,), (Party.SUPPLIER,)
_PARTIES: Final = (Party.BUYER, Party.SUPPLIER)
_PLATFORM: Final = (Party.PLATFORM,)
_RULES: Final = (
    _rule(Move.PUBLISH, (State.DRAFT,), State.PUBLISHED, _BUYER, Guard.COMPLETE),
    _rule(Move.ASK, _UNANSWERED, State.CLARIFY, _PARTIES, Guard.OPEN),
    _rule(
        Move.QUOTE,
        (*_UNANSWERED, State.QUOTED, State.NO_BID, State.WITHDRAWN, State.EXPIRED),
        State.QUOTED,
        _SUPPLIER,
        Guard.OPEN,
        Guard.VALID,
    ),
    _rule(Move.DECLINE, (*_UNANSWERED, State.QUOTED), State.NO_BID, _SUPPLIER, Guard.OPEN),
    _rule(Move.TAKE_BACK, (State.QUOTED, State.SHORTLISTED), State.WITHDRAWN, _SUPPLIER),
    _rule(Move.SHORTLIST, (State.QUOTED,), State.SHORTLISTED, _BUYER, Guard.VALID),
    _rule(Move.HOLD, (State.SHORTLISTED,), State.SLOT_HELD, _BUYER, Guard.VALID, Guard.SLOTS_HELD),
    _rule(
        Move.LOSE_HOLD, (State.SLOT_HELD,), State.SHORTLISTED, (*_BUYER, *_PLATFORM), Guard.OVERDUE
    ),
    _rule(Move.AWARD, _CHOSEN, State.AWARDED, _BUYER, Guard.VALID, Guard.SLOTS_FIRM),
    _rule(Move.PASS_OVER, _OPEN, State.PASSED_OVER, _BUYER),
    _rule(Move.REVISE, _REVISABLE, State.PUBLISHED, _BUYER),
    _rule(Move.WITHDRAW, (State.DRAFT, *_OPEN), State.WITHDRAWN, _BUYER),
    _rule(Move.EXPIRE, _OPEN, State.EXPIRED, _PLATFORM, Guard.OVERDUE),
    _rule(Move.CALL_OFF, (State.AWARDED,), State.WITHDRAWN, _BUYER, Guard.UNFUNDED),
    _rule(
        Move.START,
        (State.AWARDED,),
        State.IN_PRODUCTION,
        (*_SUPPLIER, *_PLATFORM),
        Guard.FUNDED,
    ),
    _rule(Move.INSPECT, WORKING, State.INSPECTED, _BUYER, Guard.DELIVERED),
    _rule(Move.REWORK, (State.INSPECTED,), State.IN_PRODUCTION, _BUYER, Guard.REJECTED),
    _rule(
        Move.ACCEPT,
        (State.INSPECTED,),
        State.ACCEPTED,
        _BUYER,
        Guard.ACCEPTED_WHOLE,
        Guard.PASSED,
    ),
    _rule(Move.DISPUTE, WORKING, State.DISPUTED, _PARTIES, Guard.ESCROWED),
    _rule(
        Move.AGREE,
        (*WORKING, State.DISPUTED),
        State.SETTLED,
        _PARTIES,
        Guard.AGREED,
        Guard.PAID_OUT,
    ),
    _rule(Move.DECIDE, (State.DISPUTED,), State.SETTLED, _PLATFORM, Guard.DECIDED, Guard.PAID_OUT),
    _rule(Move.SETTLE, (State.ACCEPTED,), State.SETTLED, (*_BUYER, *_PLATFORM), Guard.PAID_OUT),
)
RULES: Final[Mapping[Move, Rule]] = MappingProxyType({rule.move: rule for rule in _RULES})
BIDDING: Final = frozenset(_OPEN)
"""The states of a bid that may still be awarded."""
ENDED: Final = frozenset({
    State.SETTLED, State.NO_BID, State.PASSED_OVER, State.EXPIRED, State.WITHDRAWN,
})  # fmt: skip
_FURTHEST: Final = tuple(reversed(_OPEN))


class MoveRefusedError(DomainError):
    code: ClassVar[str] = "deal-move-refused"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "{thing} is {state}; {move} is possible while it is {sources}. Read it again."
    )
    zh: ClassVar[str] = "{thing} 当前为 {state}；仅在 {sources} 时可进行 {move}。请重新读取。"


class NotYourMoveError(DomainError):
    code: ClassVar[str] = "deal-move-not-yours"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Of {thing} the {move} is for {by} to make, not for its {party}."
    zh: ClassVar[str] = "{thing} 的 {move} 须由 {by} 进行，而非 {party}。"


class GuardMissingError(DomainError):
    code: ClassVar[str] = "deal-move-too-soon"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "{thing} cannot {move}: {en}."
    zh: ClassVar[str] = "{thing} 不能 {move}：{zh}。"


MISSING: Final[Mapping[Guard, tuple[str, str]]] = MappingProxyType(
    {
        Guard.COMPLETE: ("it asks for nothing, or for nobody", "未写明需求或询价对象"),
        Guard.OPEN: ("it is closed for quotes", "报价已截止"),
        Guard.VALID: ("the quote is over, or of an older revision", "报价已失效或针对旧版本"),
        Guard.SLOTS_HELD: ("no slot of the quote is held", "报价的时段未预占"),
        Guard.SLOTS_FIRM: ("the slots of the quote are not firm", "报价的时段未确认"),
        Guard.OVERDUE: ("its time is not over", "尚未到期"),
        Guard.UNFUNDED: ("its escrow is funded; open a dispute", "托管款已到账；请提出争议"),
        Guard.FUNDED: ("its escrow is not funded", "托管款尚未到账"),
        Guard.DELIVERED: ("nothing was delivered", "尚未交付"),
        Guard.ACCEPTED_WHOLE: (
            "not all of it was delivered and passed its inspection",
            "尚未全部交付并检验合格",
        ),
        Guard.PASSED: ("its last inspection did not pass", "最近一次检验未通过"),
        Guard.REJECTED: ("its last inspection passed", "最近一次检验已通过"),
        Guard.ESCROWED: ("nothing is left in its escrow", "托管款已无余额"),
        Guard.AGREED: ("the other side has not agreed", "对方尚未同意"),
        Guard.DECIDED: ("no arbiter has decided", "仲裁员尚未裁决"),
        Guard.PAID_OUT: ("money is left in its escrow", "托管款仍有余额"),
    }
)


def advance(
    state: State, move: Move, *, by: Party, holding: Iterable[Guard] = (), thing: str
) -> State:
    """The state ``move`` leads to.

    Args:
        state: where the life stands.
        move: what is wanted.
        by: who wants it.
        holding: what was found to hold.
        thing: what it is, for the refusal: ``deal 0192…``.

    Raises:
        MoveRefusedError: the state does not lead there.
        NotYourMoveError: it is somebody else's to make.
        GuardMissingError: something it needs does not hold.
    """
    rule = RULES[move]
    if state not in rule.sources:
        named = ", ".join(sorted(rule.sources))
        raise MoveRefusedError(thing=thing, state=state, move=move, sources=named)
    if by not in rule.by:
        raise NotYourMoveError(thing=thing, move=move, by=", ".join(sorted(rule.by)), party=by)
    for guard in sorted(rule.guards - frozenset(holding)):
        en, zh = MISSING[guard]
        raise GuardMissingError(thing=thing, move=move, en=en, zh=zh, guard=guard)
    return rule.target


def stage(own: State, lives: Iterable[State]) -> State:
    """What a request has come to, seen by who sees ``lives`` of it: the furthest while it is open.

    ``own`` is the request's, ``published`` while it is open.
    """
    if own is not State.PUBLISHED:
        return own
    reached = set(lives)
    return next((state for state in _FURTHEST if state in reached), own)


def moves_of(party: Party) -> frozenset[tuple[State, State]]:
    """Every step from state to state that ``party`` may make; what the database is told too."""
    return frozenset(
        (source, rule.target)
        for rule in RULES.values()
        if party in rule.by
        for source in rule.sources
    )
