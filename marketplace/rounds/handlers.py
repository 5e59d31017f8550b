"""Use cases of rounds that people ask for: open, close, join, leave, read.

Deciding and holding is the worker's: see ``marketplace.rounds.closing``.
"""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlmodel import Session

from marketplace.demands import handlers as demands
from marketplace.demands.domain import Demand, Vocabulary
from marketplace.rounds import store
from marketplace.rounds.domain import (
    DEMANDS_OF_A_FIRM_MAX,
    DemandUnfitError,
    Entry,
    FairnessTerms,
    Outcome,
    Round,
    RoundPlaceInvalidError,
    RoundState,
    check_end,
    check_open,
)
from services.capacity.domain import Visibility
from services.contracts.access import Acting, Role
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.events.marketplace import RoundOpened
from services.contracts.ids import DemandId, OrganisationId
from services.identity import handlers as identity
from services.runtime.audit.recording import note
from services.runtime.clock import Clock
from services.runtime.outbox import emit


class RoundNotFoundError(DomainError):
    code: ClassVar[str] = "round-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "There is no round {round_id} that you may see; list /rounds."
    zh: ClassVar[str] = "没有您可见的撮合轮次 {round_id}；请查看 /rounds。"


class RoundForAllRefusedError(DomainError):
    code: ClassVar[str] = "round-for-all-refused"
    kind: ClassVar[ErrorKind] = ErrorKind.FORBIDDEN
    en: ClassVar[str] = (
        "A round for everybody is opened by the platform's system administrator; name a park you"
        " operate or a chain space you lead."
    )
    zh: ClassVar[str] = (
        "面向全平台的轮次只能由平台系统管理员开启；请指定您运营的园区或牵头的产业链空间。"
    )


class DemandPooledError(DomainError):
    code: ClassVar[str] = "demand-pooled"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "Demand {demand_id} is in this round already, or in another that is not over; take it out"
        " there first."
    )
    zh: ClassVar[str] = "需求 {demand_id} 已在本轮次或另一未结束的轮次中；请先从中撤出。"


class TooManyPooledError(DomainError):
    code: ClassVar[str] = "too-many-pooled"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Your organisation has {most} demands in this round, which is the limit."
    zh: ClassVar[str] = "贵组织在本轮次中已有 {most} 个需求，达到上限。"


class NotPooledError(DomainError):
    code: ClassVar[str] = "demand-not-pooled"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "Demand {demand_id} is not waiting in round {round_id}."
    zh: ClassVar[str] = "需求 {demand_id} 不在轮次 {round_id} 的等待列表中。"


def open_round(
    *,
    session: Session,
    clock: Clock,
    acting: Acting,
    title: str,
    park: str | None,
    space_id: UUID | None,
    process: str | None,
    currency: str,
    closes_at: datetime,
    terms: FairnessTerms,
    vocabulary: Vocabulary,
) -> Round:
    """Collect demands until ``closes_at``: of an own park, a space one leads, or of everybody.

    Raises:
        RoundPlaceInvalidError: both a park and a space.
        ParkNotOperatedError, SpaceNotFoundError: it is none of the organisation's.
        RoundForAllRefusedError: only the platform opens one for everybody.
        RoundEndInvalidError, UnknownTermError: it never ends, or is for no known process.
    """
    now = clock.now()
    check_end(closes_at, now=now)
    if process is not None:
        vocabulary.expand_process(process)
    visibility = _place(session, acting, park=park, space_id=space_id)
    opened = Round(
        id=clock.new_id(),
        organisation_id=acting.organisation_id,
        title=title,
        visibility=visibility,
        park=park,
        space_id=space_id,
        process=process,
        currency=currency,
        closes_at=closes_at,
        terms=terms,
        state=RoundState.OPEN,
        created_at=now,
    )
    store.insert_round(session, opened)
    note(session, subject_kind="round", subject_id=opened.id, after=opened)
    told = RoundOpened(
        id=clock.new_id(),
        occurred_at=now,
        round_id=opened.id,
        organisation_id=opened.organisation_id,
        closes_at=closes_at,
        audience=opened.audience,
    )
    emit(session, told, now=now)
    return opened


def _place(
    session: Session, acting: Acting, *, park: str | None, space_id: UUID | None
) -> Visibility:
    """Who may join, by where the round is; checks that the opener may say so."""
    own = acting.organisation_id
    if park is not None and space_id is not None:
        raise RoundPlaceInvalidError
    if park is not None:
        if identity.get_park(session=session, code=park).organisation_id != own:
            raise identity.ParkNotOperatedError(park=park)
        return Visibility.PARK
    if space_id is not None:
        space = identity.get_space(session=session, organisation_id=own, space_id=space_id)
        if space.organisation_id != own:
            raise identity.SpaceNotFoundError(space_id=space_id)
        return Visibility.SPACE
    if acting.principal.platform_role is not Role.SYSTEM_ADMIN:
        raise RoundForAllRefusedError
    return Visibility.PUBLIC


def get_round(*, session: Session, viewer: OrganisationId, round_id: UUID) -> Round:
    """The round, if the organisation may see it.

    Raises:
        RoundNotFoundError: it may not, or there is none.
    """
    reach = identity.reach(session=session, organisation_id=viewer)
    found = store.find_round(session, round_id, viewer=viewer, reach=reach)
    if found is None:
        raise RoundNotFoundError(round_id=round_id)
    return found


def list_rounds(
    *, session: Session, viewer: OrganisationId, after: UUID | None, limit: int
) -> list[Round]:
    """A page of the rounds the organisation may see, in order of opening."""
    reach = identity.reach(session=session, organisation_id=viewer)
    return store.rounds_after(session, viewer=viewer, reach=reach, after=after, limit=limit)


def is_any_due(*, session: Session, clock: Clock) -> bool:
    """Whether a round is to be decided, or has slots to hold."""
    return store.has_due(session, now=clock.now())


def close_round(
    *, session: Session, clock: Clock, organisation_id: OrganisationId, round_id: UUID
) -> Round:
    """Let nobody join any more: the worker decides the round at its next look.

    Raises:
        RoundNotFoundError: the organisation opened none with that id.
        RoundClosedError: it is closed already.
    """
    now = clock.now()
    reach = identity.reach(session=session, organisation_id=organisation_id)
    found = store.find_round(
        session, round_id, viewer=organisation_id, reach=reach, for_update=True
    )
    if found is None or found.organisation_id != organisation_id:
        raise RoundNotFoundError(round_id=round_id)
    check_open(found, now=now)
    store.end_now(session, round_id, now=now)
    closed = get_round(session=session, viewer=organisation_id, round_id=round_id)
    note(session, subject_kind="round", subject_id=round_id, before=found, after=closed)
    return closed


def join_round(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    round_id: UUID,
    demand_id: DemandId,
    vocabulary: Vocabulary,
) -> Entry:
    """Pool an own demand in a round.

    Raises:
        RoundNotFoundError, DemandNotFoundError: nothing of that id for the organisation.
        RoundClosedError: too late.
        DemandUnfitError: the round is for other demands, or ends after the demand does.
        DemandPooledError, TooManyPooledError: it is in a round already, or too many are in this.
    """
    one = get_round(session=session, viewer=organisation_id, round_id=round_id)
    check_open(one, now=clock.now())
    demand = demands.get_demand(
        session=session, organisation_id=organisation_id, demand_id=demand_id
    )
    _check_fit(one, demand, vocabulary)
    if store.count_entries(session, round_id, organisation_id) >= DEMANDS_OF_A_FIRM_MAX:
        raise TooManyPooledError(most=DEMANDS_OF_A_FIRM_MAX)
    now = clock.now()
    entry = Entry(
        id=clock.new_id(),
        round_id=round_id,
        organisation_id=organisation_id,
        demand_id=demand_id,
        outcome=Outcome.WAITING,
        created_at=now,
        updated_at=now,
    )
    if not store.insert_entry(session, entry):
        raise DemandPooledError(demand_id=demand_id)
    # The entry's foreign key waited for whoever was deciding the round: look what it is now.
    check_open(get_round(session=session, viewer=organisation_id, round_id=round_id), now=now)
    note(session, subject_kind="round_entry", subject_id=entry.id, after=entry)
    return entry


def _check_fit(one: Round, demand: Demand, vocabulary: Vocabulary) -> None:
    facts = demand.facts
    accepted = None if one.process is None else vocabulary.expand_process(one.process)
    checks = (
        (facts.currency == one.currency, f"it is in {facts.currency}, the round in {one.currency}",
         f"其币种为 {facts.currency}，而轮次为 {one.currency}"),
        (facts.end > one.closes_at, "its window ends before the round does",
         "其时间窗在轮次截止前已结束"),
        (accepted is None or facts.process in accepted,
         f"the round is for {one.process}, not for {facts.process}",
         f"该轮次面向 {one.process}，而非 {facts.process}"),
    )  # fmt: skip
    for holds, en, zh in checks:
        if not holds:
            raise DemandUnfitError(demand_id=demand.id, round_id=one.id, en=en, zh=zh)


def leave_round(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    round_id: UUID,
    demand_id: DemandId,
) -> None:
    """Take an own demand out of a round that is still open.

    Raises:
        RoundNotFoundError, NotPooledError: nothing to take out.
        RoundClosedError: too late.
    """
    one = get_round(session=session, viewer=organisation_id, round_id=round_id)
    check_open(one, now=clock.now())
    if not store.delete_waiting(session, round_id, demand_id, organisation_id):
        raise NotPooledError(demand_id=demand_id, round_id=round_id)


def list_outcomes(
    *,
    session: Session,
    organisation_id: OrganisationId,
    round_id: UUID,
    after: UUID | None,
    limit: int,
) -> list[Entry]:
    """A page of the organisation's own demands in a round, in order of joining.

    Raises:
        RoundNotFoundError: it may not see the round.
    """
    get_round(session=session, viewer=organisation_id, round_id=round_id)
    return store.entries_after(
        session, round_id, organisation_id=organisation_id, after=after, limit=limit
    )
