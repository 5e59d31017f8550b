"""The public notice, appeals against it, and the awards."""

from dataclasses import replace
from datetime import timedelta
from typing import ClassVar
from uuid import UUID

from sqlmodel import Session

from marketplace.calls.domain import (
    Appeal,
    AppealDecidedError,
    AppealState,
    Award,
    Call,
    Notice,
    Place,
    Stage,
    check_stage,
    proposed,
)
from marketplace.calls.handlers.calls import find_own, get_call
from marketplace.calls.store import calls as store
from marketplace.calls.store import papers as paper_store
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.events.calls import AppealDecided, AppealMade, NoticePublished
from services.contracts.events.envelope import Audience
from services.contracts.ids import OrganisationId
from services.runtime.audit.recording import note
from services.runtime.clock import Clock
from services.runtime.outbox import emit


class AppealNotFoundError(DomainError):
    code: ClassVar[str] = "appeal-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "There is no appeal {appeal_id} of yours or to your calls; list /appeals."
    zh: ClassVar[str] = "没有您提出或由您处理的异议 {appeal_id}；请查看 /appeals。"


class PaperUnknownError(DomainError):
    code: ClassVar[str] = "paper-not-proposed"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "The standing notice proposes nothing of code {code}; read it again."
    zh: ClassVar[str] = "当前公示中没有编号 {code}；请重新查看。"


class AwardNotFoundError(DomainError):
    code: ClassVar[str] = "award-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "You gave and won no award {award_id}; list the awards of its call."
    zh: ClassVar[str] = "贵组织没有授予或获得 {award_id}；请查看征集的授予结果。"


def list_notices(*, session: Session, call_id: UUID) -> list[Notice]:
    """Notices of a call one sees, the first first; the last stands.

    Raises:
        CallNotFoundError: there is none.
    """
    get_call(session=session, call_id=call_id)
    return store.notices_of(session, call_id)


def get_award(*, session: Session, party: OrganisationId, award_id: UUID) -> Award:
    """An award that ``party`` gave or won.

    Raises:
        AwardNotFoundError: there is none.
    """
    found = store.find_award(session, award_id, party=party)
    if found is None:
        raise AwardNotFoundError(award_id=award_id)
    return found


def list_awards(*, session: Session, call_id: UUID) -> list[Award]:
    """What was awarded in a call one sees.

    Raises:
        CallNotFoundError: there is none.
    """
    get_call(session=session, call_id=call_id)
    return store.awards_of(session, call_id)


def appeal(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    call_id: UUID,
    code: str,
    ground: str,
) -> Appeal:
    """Object to a proposed award while the notice stands.

    Raises:
        CallNotFoundError: there is none the organisation sees.
        StageClosedError: no notice stands.
        PaperUnknownError: nothing of this code is proposed.
    """
    call = get_call(session=session, call_id=call_id)
    check_stage(call, Stage.NOTICE, now=clock.now())
    standing = store.notices_of(session, call_id)[-1]
    if code not in {place.code for place in standing.places}:
        raise PaperUnknownError(code=code)
    made = Appeal(
        id=clock.new_id(),
        organisation_id=organisation_id,
        owner_id=call.organisation_id,
        call_id=call_id,
        code=code,
        ground=ground,
        state=AppealState.OPEN,
        created_at=clock.now(),
    )
    store.insert_appeal(session, made)
    # The foreign key waited for whoever was moving the call: look where it is now.
    check_stage(get_call(session=session, call_id=call_id), Stage.NOTICE, now=clock.now())
    note(session, subject_kind="appeal", subject_id=made.id, after=made)
    told = AppealMade(
        id=clock.new_id(),
        occurred_at=clock.now(),
        appeal_id=made.id,
        call_id=call_id,
        audience=Audience(organisation_ids=(made.owner_id, organisation_id)),
    )
    emit(session, told, now=clock.now())
    return made


def get_appeal(*, session: Session, appeal_id: UUID) -> Appeal:
    """An appeal of the caller's, or to a call of its own.

    Raises:
        AppealNotFoundError: there is none.
    """
    found = store.find_appeal(session, appeal_id)
    if found is None:
        raise AppealNotFoundError(appeal_id=appeal_id)
    return found


def list_appeals(
    *, session: Session, organisation_id: OrganisationId, after: UUID | None, limit: int
) -> list[Appeal]:
    return store.appeals_after(session, organisation_id, after=after, limit=limit)


def decide_appeal(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    appeal_id: UUID,
    upheld: bool,
    reason: str,
) -> Appeal:
    """Decide an appeal to an own call, with a reason.

    Upheld, the paper is out: the next one moves up, and a new notice stands for its whole time.

    Raises:
        AppealNotFoundError: there is none to an own call.
        AppealDecidedError: it was decided before.
    """
    before = get_appeal(session=session, appeal_id=appeal_id)
    if before.owner_id != organisation_id:
        raise AppealNotFoundError(appeal_id=appeal_id)
    call = find_own(
        session=session, organisation_id=organisation_id, call_id=before.call_id, for_update=True
    )
    before = store.find_appeal(session, appeal_id, for_update=True) or before
    if before.state is not AppealState.OPEN:
        raise AppealDecidedError(appeal_id=appeal_id, state=before.state)
    verdict = AppealState.UPHELD if upheld else AppealState.DISMISSED
    after = replace(before, state=verdict, reason=reason)
    store.save_appeal(session, after)
    note(session, subject_kind="appeal", subject_id=appeal_id, before=before, after=after)
    if upheld:
        _exclude(session, clock, call, after.code)
    told = AppealDecided(
        id=clock.new_id(),
        occurred_at=clock.now(),
        appeal_id=appeal_id,
        call_id=call.id,
        upheld=upheld,
        audience=Audience(organisation_ids=(organisation_id, after.organisation_id)),
    )
    emit(session, told, now=clock.now())
    return after


def _exclude(session: Session, clock: Clock, call: Call, code: str) -> None:
    paper = paper_store.find_paper_by_code(session, call.id, code)
    assert paper is not None, "an appeal names a paper of the call"
    if paper.excluded:
        return
    paper_store.save_exclusion(session, replace(paper, excluded=True))
    until = clock.now() + timedelta(days=call.schedule.notice_days)
    store.end_stage(session, call.id, at=until)
    next_notice(session=session, clock=clock, call=replace(call, stage_until=until))


def next_notice(*, session: Session, clock: Clock, call: Call) -> Notice | None:
    """Publish who is proposed now, until ``call.stage_until``; ``None``: nobody is left."""
    papers = proposed(paper_store.papers_of(session, call.id), call.rules.awards)
    if not papers:
        return None
    named = {} if call.rules.blind else paper_store.submitters(session, call.id)
    notice = Notice(
        id=clock.new_id(),
        organisation_id=call.organisation_id,
        call_id=call.id,
        number=store.count_notices(session, call.id) + 1,
        places=tuple(
            Place(one.code, one.title, one.rank or 0, one.score or 0, named.get(one.id))
            for one in papers
        ),
        opens_at=clock.now(),
        closes_at=call.stage_until,
    )
    store.insert_notice(session, notice)
    told = NoticePublished(
        id=clock.new_id(),
        occurred_at=clock.now(),
        call_id=call.id,
        number=notice.number,
        closes_at=notice.closes_at,
        audience=call.audience,
    )
    emit(session, told, now=clock.now())
    return notice
