"""Use cases of remote sessions: asked for, consented to by a person, time-boxed, every look logged.

Nothing here reaches a machine: what is shown is what the platform knows of it already.
"""

from dataclasses import asdict, replace
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlmodel import Session

from marketplace.service_contracts import store
from marketplace.service_contracts.domain import (
    SESSION_LIFE,
    Move,
    RemoteSession,
    RemoteSessionState,
    ServiceParty,
    ServiceRefusedError,
    SessionEntry,
    SessionEntryKind,
    Terms,
    WorkOrderState,
    check_minutes,
    check_open,
    granted,
    moved,
    party_of,
)
from marketplace.service_contracts.handlers.contracts import found_contract
from marketplace.service_contracts.handlers.orders import found_order
from marketplace.service_contracts.handlers.telling import tell_session
from services.capacity import handlers as capacity
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OrganisationId, ResourceId
from services.runtime.clock import Clock
from services.runtime.tenancy import also_showing


class SessionNotFoundError(DomainError):
    code: ClassVar[str] = "remote-session-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = (
        "There is no remote session {session_id} of yours; list those of the work order."
    )
    zh: ClassVar[str] = "没有属于贵组织的远程会话 {session_id}；请查看工单的会话列表。"


def request_session(
    *,
    session: Session,
    clock: Clock,
    provider_id: OrganisationId,
    actor: UUID | None,
    order_id: UUID,
    purpose: str,
    minutes: int,
) -> RemoteSession:
    """Ask the owner to be shown the machine of an accepted work order for some minutes.

    Raises:
        WorkOrderNotFoundError, ServiceRefusedError, SessionTooLongError: as they say.
    """
    order = found_order(session, order_id, provider_id, side=ServiceParty.PROVIDER, lock=True)
    if order.state is not WorkOrderState.ACCEPTED:
        raise ServiceRefusedError(
            thing=order.thing,
            state=order.state,
            move="look into the machine",
            party=ServiceParty.PROVIDER,
            sources=WorkOrderState.ACCEPTED,
        )
    check_minutes(_terms(session, order.contract_id, provider_id), minutes)
    made = RemoteSession(
        id=clock.new_id(),
        organisation_id=order.organisation_id,
        provider_id=order.provider_id,
        order_id=order.id,
        purpose=purpose,
        minutes=minutes,
        state=RemoteSessionState.REQUESTED,
        requested_by=actor,
        requested_at=clock.now(),
    )
    store.insert_session(session, made)
    _log(session, clock, made, SessionEntryKind.REQUESTED, provider_id, actor)
    tell_session(session, clock, None, made)
    return made


def decide_session(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    actor: UUID | None,
    session_id: UUID,
    move: Move,
) -> RemoteSession:
    """Consent to this one session, or refuse it. Consent opens it from now on.

    Raises:
        SessionNotFoundError, ServiceRefusedError: as they say.
    """
    before = found_session(session, session_id, organisation_id, side=ServiceParty.OWNER, lock=True)
    if move is Move.GRANT:
        after = granted(before, organisation_id, actor=actor, now=clock.now())
    else:
        state = RemoteSessionState(moved(SESSION_LIFE, before, move, organisation_id))
        after = replace(before, state=state, decided_by=actor, decided_at=clock.now())
    _save(session, clock, before, after, organisation_id, actor)
    return after


def end_session(
    *,
    session: Session,
    clock: Clock,
    party: OrganisationId,
    actor: UUID | None,
    session_id: UUID,
) -> RemoteSession:
    """End a session before its time, by either side.

    Raises:
        SessionNotFoundError, ServiceRefusedError: as they say.
    """
    before = found_session(session, session_id, party, lock=True)
    state = RemoteSessionState(moved(SESSION_LIFE, before, Move.END, party))
    after = replace(before, state=state, ended_at=clock.now())
    _save(session, clock, before, after, party, actor)
    return after


def look(
    *,
    session: Session,
    clock: Clock,
    provider_id: OrganisationId,
    actor: UUID | None,
    session_id: UUID,
) -> SessionEntry:
    """What the contract shows of the machine now; that it was looked at, and what was seen, stays.

    Raises:
        SessionNotFoundError: the provider asked for none such.
        SessionClosedError: it was not granted, has ended or has run out.
    """
    found = found_session(session, session_id, provider_id, side=ServiceParty.PROVIDER, lock=True)
    check_open(found, now=clock.now())
    order = found_order(session, found.order_id, provider_id)
    terms = _terms(session, order.contract_id, provider_id)
    shown = _shown(session, order.resource_id, terms)
    return _log(session, clock, found, SessionEntryKind.VIEWED, provider_id, actor, shown)


def get_session(*, session: Session, party: OrganisationId, session_id: UUID) -> RemoteSession:
    """A session one is a party to.

    Raises:
        SessionNotFoundError: there is none.
    """
    return found_session(session, session_id, party)


def list_sessions(
    *, session: Session, party: OrganisationId, order_id: UUID, after: UUID | None, limit: int
) -> list[RemoteSession]:
    """A page of a work order's sessions, in order of asking.

    Raises:
        WorkOrderNotFoundError: no such work order.
    """
    found_order(session, order_id, party)
    return store.sessions_after(session, order_id, after=after, limit=limit)


def list_entries(
    *, session: Session, party: OrganisationId, session_id: UUID, after: UUID | None, limit: int
) -> list[SessionEntry]:
    """A page of a session's log, in order.

    Raises:
        SessionNotFoundError: there is no such session.
    """
    found_session(session, session_id, party)
    return store.entries_after(session, session_id, after=after, limit=limit)


def found_session(
    session: Session,
    session_id: UUID,
    party: OrganisationId,
    *,
    side: ServiceParty | None = None,
    lock: bool = False,
) -> RemoteSession:
    """Of which ``party`` is ``side``, or either."""
    found = store.find_session(session, session_id, party=party, lock=lock)
    if found is None or side not in {None, party_of(found, party)}:
        raise SessionNotFoundError(session_id=session_id)
    return found


def _terms(session: Session, contract_id: UUID, party: OrganisationId) -> Terms:
    return found_contract(session, contract_id, party).terms


def _shown(session: Session, resource_id: ResourceId, terms: Terms) -> dict[str, Any]:
    """The agreed fields of the live state, as JSON; none of a machine that never reported."""
    with also_showing(session, [resource_id]):
        live = capacity.live_states(session=session, resource_ids=[resource_id]).get(resource_id)
    known = {} if live is None else asdict(live)
    return {one.value: _plain(known.get(one.value)) for one in terms.shows}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _save(
    session: Session,
    clock: Clock,
    before: RemoteSession,
    after: RemoteSession,
    party: OrganisationId,
    actor: UUID | None,
) -> None:
    store.save_session(session, after)
    _log(session, clock, after, SessionEntryKind(after.state.value), party, actor)
    tell_session(session, clock, before, after)


def _log(
    session: Session,
    clock: Clock,
    of: RemoteSession,
    kind: SessionEntryKind,
    party: OrganisationId,
    actor: UUID | None,
    shown: dict[str, Any] | None = None,
) -> SessionEntry:
    entry = SessionEntry(
        id=clock.new_id(),
        session_id=of.id,
        kind=kind,
        party=party_of(of, party),
        actor_id=actor,
        at=clock.now(),
        shown=shown,
    )
    store.insert_entry(session, of, entry)
    return entry
