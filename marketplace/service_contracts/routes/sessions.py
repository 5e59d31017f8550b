"""``/remote-sessions``: consent to a look at a machine, look, end, read the log."""

from uuid import UUID

from fastapi import Response

from marketplace.service_contracts.domain import Move
from marketplace.service_contracts.handlers import sessions
from marketplace.service_contracts.schemas import RemoteSessionOut, SessionEntryOut
from services.contracts.policies import Action
from services.runtime.routing import api_router
from services.runtime.tabular import Page, PageDep
from services.runtime.web import ActingDep, ClockDep, SessionDep, requires

router = api_router(tags=["service contracts"])


@router.get("/remote-sessions/{remote_session_id}", dependencies=[requires(Action.WORK_READ)])
def read_remote_session(
    remote_session_id: UUID, session: SessionDep, acting: ActingDep
) -> RemoteSessionOut:
    """One session."""
    return RemoteSessionOut.of(
        sessions.get_session(
            session=session, party=acting.organisation_id, session_id=remote_session_id
        )
    )


@router.post(
    "/remote-sessions/{remote_session_id}/grant", dependencies=[requires(Action.REMOTE_CONSENT)]
)
def grant_remote_session(
    remote_session_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> RemoteSessionOut:
    """Consent to this one session; it is open from now for the minutes asked."""
    done = sessions.decide_session(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        actor=acting.principal.id,
        session_id=remote_session_id,
        move=Move.GRANT,
    )
    return RemoteSessionOut.of(done)


@router.post(
    "/remote-sessions/{remote_session_id}/refuse", dependencies=[requires(Action.REMOTE_CONSENT)]
)
def refuse_remote_session(
    remote_session_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> RemoteSessionOut:
    """Refuse the session."""
    done = sessions.decide_session(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        actor=acting.principal.id,
        session_id=remote_session_id,
        move=Move.REFUSE,
    )
    return RemoteSessionOut.of(done)


@router.post("/remote-sessions/{remote_session_id}/end", dependencies=[requires(Action.REMOTE_END)])
def end_remote_session(
    remote_session_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> RemoteSessionOut:
    """End the session now, by either party."""
    done = sessions.end_session(
        session=session,
        clock=clock,
        party=acting.organisation_id,
        actor=acting.principal.id,
        session_id=remote_session_id,
    )
    return RemoteSessionOut.of(done)


@router.post(
    "/remote-sessions/{remote_session_id}/looks", dependencies=[requires(Action.REMOTE_LOOK)]
)
def look_at_machine(
    remote_session_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> SessionEntryOut:
    """The machine as the contract shows it now, within the session; each look stays on record."""
    done = sessions.look(
        session=session,
        clock=clock,
        provider_id=acting.organisation_id,
        actor=acting.principal.id,
        session_id=remote_session_id,
    )
    return SessionEntryOut.of(done)


@router.get(
    "/remote-sessions/{remote_session_id}/log",
    response_model=Page[SessionEntryOut],
    dependencies=[requires(Action.WORK_READ)],
)
def read_session_log(
    remote_session_id: UUID, session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[SessionEntryOut] | Response:
    """Who did what when, and what each look showed."""
    found = sessions.list_entries(
        session=session,
        party=acting.organisation_id,
        session_id=remote_session_id,
        after=page.after,
        limit=page.fetch,
    )
    return page.answer(found, SessionEntryOut.of, name="session-log")
