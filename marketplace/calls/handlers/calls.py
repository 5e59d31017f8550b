"""Opening a call, appointing its jury, reading calls."""

from typing import ClassVar
from uuid import UUID

from sqlmodel import Session

from marketplace.calls.domain import (
    Call,
    CallKind,
    Rules,
    Schedule,
    Stage,
    check_ends_early,
    check_place,
    check_rules,
    check_schedule,
    check_stage,
)
from marketplace.calls.store import calls as store
from services.capacity.domain import Visibility
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.events.calls import CallOpened
from services.contracts.ids import OrganisationId
from services.contracts.money import Money
from services.identity import handlers as identity
from services.runtime.audit.recording import note
from services.runtime.clock import Clock
from services.runtime.outbox import emit


class CallNotFoundError(DomainError):
    code: ClassVar[str] = "call-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "There is no call {call_id} that you may see; list /calls."
    zh: ClassVar[str] = "没有您可见的征集 {call_id}；请查看 /calls。"


class JurorNotFoundError(DomainError):
    code: ClassVar[str] = "juror-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "Nobody {person_id} is on the jury of call {call_id}, or can be."
    zh: ClassVar[str] = "{person_id} 不是、也不能成为征集 {call_id} 的评审专家。"


def open_call(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    kind: CallKind,
    title: str,
    title_zh: str,
    about: str,
    direction: int | None,
    visibility: Visibility,
    park: str | None,
    space_id: UUID | None,
    rules: Rules,
    schedule: Schedule,
    prize: Money | None,
) -> Call:
    """Announce a call; from ``schedule.opens_at`` on it takes submissions.

    Raises:
        CallInvalidError: its rules, stages or place do not hold together.
        ParkNotOperatedError, SpaceNotFoundError: it is none of the organisation's.
    """
    now = clock.now()
    check_rules(rules)
    check_schedule(schedule, now=now)
    check_place(visibility, park, space_id)
    _check_own_place(session, organisation_id, park=park, space_id=space_id)
    opened = Call(
        id=clock.new_id(),
        organisation_id=organisation_id,
        kind=kind,
        title=title,
        title_zh=title_zh,
        about=about,
        direction=direction,
        visibility=visibility,
        park=park,
        space_id=space_id,
        rules=rules,
        schedule=schedule,
        prize=prize,
        stage=Stage.SUBMISSION,
        stage_until=schedule.submit_until,
        created_at=now,
    )
    store.insert_call(session, opened)
    note(session, subject_kind="call", subject_id=opened.id, after=opened)
    told = CallOpened(
        id=clock.new_id(),
        occurred_at=now,
        call_id=opened.id,
        organisation_id=organisation_id,
        kind=kind,
        submit_until=schedule.submit_until,
        audience=opened.audience,
    )
    emit(session, told, now=now)
    return opened


def _check_own_place(
    session: Session, own: OrganisationId, *, park: str | None, space_id: UUID | None
) -> None:
    if park is not None and identity.get_park(session=session, code=park).organisation_id != own:
        raise identity.ParkNotOperatedError(park=park)
    if space_id is not None:
        space = identity.get_space(session=session, organisation_id=own, space_id=space_id)
        if space.organisation_id != own:
            raise identity.SpaceNotFoundError(space_id=space_id)


def get_call(*, session: Session, call_id: UUID) -> Call:
    """A call the caller may see.

    Raises:
        CallNotFoundError: there is none.
    """
    found = store.find_call(session, call_id)
    if found is None:
        raise CallNotFoundError(call_id=call_id)
    return found


def list_calls(*, session: Session, after: UUID | None, limit: int) -> list[Call]:
    """Calls the caller may see, in order of opening."""
    return store.calls_after(session, after=after, limit=limit)


def find_own(
    *, session: Session, organisation_id: OrganisationId, call_id: UUID, for_update: bool = False
) -> Call:
    """A call of the organisation's own.

    Raises:
        CallNotFoundError: it has none of this id.
    """
    found = get_call(session=session, call_id=call_id)
    if found.organisation_id != organisation_id:
        raise CallNotFoundError(call_id=call_id)
    if for_update:
        locked = store.find_call(session, call_id, for_update=True)
        assert locked is not None, "calls are never deleted"
        return locked
    return found


def end_stage(
    *, session: Session, clock: Clock, organisation_id: OrganisationId, call_id: UUID
) -> Call:
    """End screening or review before its time; the worker moves the call on within seconds.

    Raises:
        CallNotFoundError: it is none of the organisation's.
        StageClosedError: others' time to submit or to object runs.
    """
    call = find_own(
        session=session, organisation_id=organisation_id, call_id=call_id, for_update=True
    )
    check_ends_early(call)
    store.end_stage(session, call_id, at=clock.now())
    ended = get_call(session=session, call_id=call_id)
    note(session, subject_kind="call", subject_id=call_id, before=call, after=ended)
    return ended


def appoint(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    call_id: UUID,
    person_id: UUID,
) -> None:
    """Put a person on the jury, until the review begins.

    Whom a person may judge is not asked here: whoever appoints would learn who submitted.

    Raises:
        CallNotFoundError: it is none of the organisation's.
        StageClosedError: the review has begun.
        JurorNotFoundError: there is no such person.
    """
    call = find_own(session=session, organisation_id=organisation_id, call_id=call_id)
    if call.stage is not Stage.SUBMISSION:
        check_stage(call, Stage.SCREENING, now=clock.now())
    if not store.insert_juror(session, call, person_id, at=clock.now()):
        raise JurorNotFoundError(person_id=person_id, call_id=call_id)
    note(session, subject_kind="call", subject_id=call_id, after={"juror": person_id})


def dismiss(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    call_id: UUID,
    person_id: UUID,
) -> None:
    """Take a person off the jury, until the review begins; raises as ``appoint``."""
    call = find_own(session=session, organisation_id=organisation_id, call_id=call_id)
    if call.stage is not Stage.SUBMISSION:
        check_stage(call, Stage.SCREENING, now=clock.now())
    if not store.delete_juror(session, call_id, person_id):
        raise JurorNotFoundError(person_id=person_id, call_id=call_id)
    note(session, subject_kind="call", subject_id=call_id, before={"juror": person_id})


def list_jurors(*, session: Session, organisation_id: OrganisationId, call_id: UUID) -> list[UUID]:
    """Who judges an own call.

    Raises:
        CallNotFoundError: it is none of the organisation's.
    """
    find_own(session=session, organisation_id=organisation_id, call_id=call_id)
    return store.jurors_of(session, call_id)
