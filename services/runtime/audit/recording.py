"""Writing the trail: notes are kept until the transaction commits, then written in one short step.

The step is tied to the commit of every ``Session``, so no route and no handler can leave it out. It
takes the lock of the chain as the last lock of the transaction and in order of chains, so two
transactions never wait for each other in a circle.
"""

import hashlib
import hmac
from collections import defaultdict
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from sqlalchemy import event
from sqlalchemy.orm import SessionTransaction
from sqlmodel import Session

from services.contracts.access import Principal, PrincipalKind
from services.contracts.confidentiality import (
    SECRET,
    Confidentiality,
    Json,
    classified,
    has_fields,
    plain,
    reveal,
)
from services.contracts.ids import OrganisationId
from services.runtime.audit import store
from services.runtime.audit.entry import ActorKind, ChainId, Fact, canonical, chain_of
from services.runtime.clock import Clock, SystemClock
from services.runtime.tenancy import principal_of

NOTES_MAX: Final = 1_000
"""Notes of one transaction that are written singly; of more only their number is told."""
SIDE_BYTES_MAX: Final = 16 * 1024
"""Canonical size of ``before`` or ``after``; of a larger one only the hash is kept."""
UNNAMED: Final = "platform.work"
DIGEST_KEY: Final = "audit.digest_key"
"""Name in ``Session.info`` of the key under which confidential values are digested."""
_TRAIL: Final = "audit.trail"


@dataclass(frozen=True, slots=True)
class Occasion:
    """What the entries of one transaction share: the request, or the job, they come from.

    ``always``: an entry is written even if nobody noted anything.
    """

    action: str
    request_id: str | None = None
    path_ids: Mapping[str, object] | None = None
    always: bool = False


@dataclass(frozen=True, slots=True)
class _Note:
    organisation_id: OrganisationId | None
    action: str | None
    subject_kind: str
    subject_id: str
    before: Json
    after: Json
    within: tuple[SessionTransaction, ...]
    """The transactions whose rollback makes it untrue."""


@dataclass(slots=True)
class _Trail:
    occasion: Occasion
    clock: Clock
    notes: list[_Note] = field(default_factory=list)
    is_told: bool = False


_REQUEST: Final[ContextVar[tuple[Occasion, Clock] | None]] = ContextVar(
    "nonagon_audit_request", default=None
)


def begin_request(occasion: Occasion, *, clock: Clock) -> None:
    """Say what the running task, and the threads it starts, work for: one request."""
    _REQUEST.set((occasion, clock))


def audit_request(session: Session) -> None:
    """Have ``session`` tell of the request that runs, whatever it writes and for whomever."""
    request = _REQUEST.get()
    if request is not None:
        begin(session, request[0], clock=request[1])


def begin(session: Session, occasion: Occasion, *, clock: Clock) -> None:
    """Say what the transactions of ``session`` are for."""
    session.info[_TRAIL] = _Trail(occasion, clock)


def told_elsewhere(session: Session) -> None:
    """The request is told of already, in the transaction of another process that did the work."""
    _trail(session).is_told = True


def note(
    session: Session,
    *,
    subject_kind: str,
    subject_id: UUID | str,
    before: object = None,
    after: object = None,
    organisation_id: OrganisationId | None = None,
    action: str | None = None,
) -> None:
    """Have the trail tell what became of a thing, once the transaction commits.

    Of two sides only the fields that differ are kept: public ones as they are, confidential ones as
    a keyed digest, secret ones as the fact of a change.

    Args:
        session: the transaction the change happens in.
        subject_kind: e.g. ``offer``.
        subject_id: which one.
        before: a dataclass, model or mapping; ``None``: there was nothing.
        after: the same afterwards; ``None``: it is gone.
        organisation_id: in whose chain; left out, in that of the acting organisation.
        action: left out, the request's own.
    """
    conceal = _Concealing(session.info.get(DIGEST_KEY), f"{subject_kind}:{subject_id}")
    old, new = _sides(before, after, conceal)
    own = principal_of(session).organisation_id
    _trail(session).notes.append(
        _Note(
            organisation_id=organisation_id or own,
            action=action,
            subject_kind=subject_kind,
            subject_id=str(subject_id),
            before=_bounded(old),
            after=_bounded(new),
            within=_enclosing(session),
        )
    )


@event.listens_for(Session, "before_commit")
def _write(session: Session) -> None:
    if session.in_nested_transaction() or not _is_for_the_trail(session):
        return
    trail = _trail(session)
    facts = _facts(trail, principal_of(session))
    if not facts:
        return
    session.flush()  # or its statements would run under the chain's lock
    for chain in sorted(facts):
        store.append(session, chain, facts[chain])
    trail.notes.clear()
    trail.is_told = True


@event.listens_for(Session, "after_soft_rollback")
def _forget(session: Session, undone: SessionTransaction) -> None:
    trail: _Trail | None = session.info.get(_TRAIL)
    if trail is not None:
        trail.notes = [kept for kept in trail.notes if undone not in kept.within]


def _is_for_the_trail(session: Session) -> bool:
    """Whether there is something to tell.

    A transaction nobody called ``begin`` for belongs to the trail too, if it wrote for somebody
    known within a request that may change something: signing in has such transactions.
    """
    if _TRAIL in session.info:
        return True
    request = _REQUEST.get()
    return (
        request is not None
        and request[0].always
        and principal_of(session).id is not None
        and store.has_written(session)
    )


def _trail(session: Session) -> _Trail:
    if _TRAIL not in session.info:
        occasion, clock = _REQUEST.get() or (Occasion(UNNAMED), SystemClock())
        begin(session, occasion, clock=clock)
    trail: _Trail = session.info[_TRAIL]
    return trail


def _enclosing(session: Session) -> tuple[SessionTransaction, ...]:
    innermost = session.get_nested_transaction() or session.get_transaction()
    found = []
    while innermost is not None:
        found.append(innermost)
        innermost = innermost.parent
    return tuple(found)


def _facts(trail: _Trail, principal: Principal) -> dict[ChainId, list[Fact]]:
    told: dict[ChainId, list[Fact]] = defaultdict(list)
    for noted in trail.notes[:NOTES_MAX]:
        told[chain_of(noted.organisation_id)].append(_fact(trail, principal, noted))
    own = chain_of(principal.organisation_id)
    omitted = len(trail.notes) - NOTES_MAX
    if omitted > 0:
        told[own].append(_fact(trail, principal, None, after={"omitted": omitted}))
    if trail.occasion.always and not trail.is_told and own not in told:
        told[own].append(_fact(trail, principal, None))
    return told


def _fact(trail: _Trail, principal: Principal, noted: _Note | None, *, after: Json = None) -> Fact:
    occasion, clock = trail.occasion, trail.clock
    return Fact(
        id=clock.new_id(),
        at=clock.now(),
        actor_kind=_actor_kind(principal, occasion).value,
        actor_id=principal.id,
        credential_id=principal.credential_id,
        action=(noted.action if noted else None) or occasion.action,
        path_ids=_path_ids(occasion.path_ids),
        subject_kind=noted.subject_kind if noted else None,
        subject_id=noted.subject_id if noted else None,
        before=noted.before if noted else None,
        after=noted.after if noted else after,
        request_id=occasion.request_id,
    )


def _actor_kind(principal: Principal, occasion: Occasion) -> ActorKind:
    if principal.kind is PrincipalKind.ANONYMOUS and occasion.request_id is None:
        return ActorKind.PLATFORM
    return ActorKind(principal.kind.value)


def _path_ids(path_ids: Mapping[str, object] | None) -> dict[str, Json] | None:
    if not path_ids:
        return None
    shown = plain(path_ids, _Concealing(None, ""))
    assert isinstance(shown, dict), "a mapping becomes an object"
    return shown


class _Concealing:
    """Stands in for what is not public.

    The digest is keyed, or a price could be found by trying all of them, and covers the subject and
    the path, or equal prices of two offers could be told.
    """

    def __init__(self, key: bytes | None, subject: str) -> None:
        self._key = key
        self._subject = subject

    def __call__(self, mark: Confidentiality, path: str, value: Any) -> Json:
        if mark is SECRET or self._key is None or value is None:
            return {"class": mark.value}
        said = canonical([self._subject, path, reveal(mark, path, value)])
        digest = hmac.new(self._key, said, hashlib.sha256).hexdigest()
        return {"class": mark.value, "digest": digest}


def _sides(before: object, after: object, conceal: _Concealing) -> tuple[Json, Json]:
    if not (has_fields(before) and has_fields(after)):
        return plain(before, conceal), plain(after, conceal)
    old = {name: held for name, _, held in classified(before)}
    new = {name: held for name, _, held in classified(after)}
    same = {name for name in old.keys() & new.keys() if old[name] == new[name]}
    return _without(before, same, conceal), _without(after, same, conceal)


def _without(side: object, same: set[str], conceal: _Concealing) -> Json:
    shown = plain(side, conceal)
    assert isinstance(shown, dict), "what has fields becomes an object"
    return {name: held for name, held in shown.items() if name not in same}


def _bounded(side: Json) -> Json:
    said = canonical(side)
    if len(said) <= SIDE_BYTES_MAX:
        return side
    return {"bytes": len(said), "sha256": hashlib.sha256(said).hexdigest()}
