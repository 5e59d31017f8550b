"""Calls, jurors, notices, appeals and awards in the database."""

from dataclasses import asdict
from datetime import datetime
from typing import Final
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import exists, func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, and_, col, delete, not_, or_, select, update

from marketplace.calls.domain import (
    OVER,
    Appeal,
    AppealState,
    Award,
    Call,
    CallKind,
    Community,
    Notice,
    Place,
    ReviewState,
    Rules,
    Schedule,
    Stage,
    criteria_from,
)
from marketplace.calls.tables import (
    CallAppealRow,
    CallAwardRow,
    CallJurorRow,
    CallNoticeRow,
    CallReviewRow,
    CallRow,
)
from services.capacity.domain import Visibility
from services.contracts.ids import OrganisationId
from services.contracts.money import Money

_PLACES: Final = TypeAdapter(list[Place])


def insert_call(session: Session, call: Call) -> None:
    rules, schedule = call.rules, call.schedule
    session.add(
        CallRow(
            id=call.id,
            organisation_id=call.organisation_id,
            kind=call.kind,
            title=call.title,
            title_zh=call.title_zh,
            about=call.about,
            direction=call.direction,
            visibility=call.visibility,
            park=call.park,
            space_id=call.space_id,
            blind=rules.blind,
            reviewers=rules.reviewers,
            awards=rules.awards,
            conflicts=[str(one) for one in rules.conflicts],
            criteria=[asdict(one) for one in rules.criteria],
            **asdict(schedule),
            prize_minor=None if call.prize is None else call.prize.minor,
            currency=None if call.prize is None else call.prize.currency,
            stage=call.stage,
            stage_until=call.stage_until,
            created_at=call.created_at,
        )
    )
    session.flush()


def find_call(session: Session, call_id: UUID, *, for_update: bool = False) -> Call | None:
    """The call, if row security shows it."""
    query = select(CallRow).where(col(CallRow.id) == call_id)
    if for_update:
        query = query.with_for_update()
    row = session.exec(query, execution_options={"populate_existing": True}).one_or_none()
    return None if row is None else _call(row)


def calls_after(session: Session, *, after: UUID | None, limit: int) -> list[Call]:
    query = select(CallRow)
    if after is not None:
        query = query.where(col(CallRow.id) > after)
    return [_call(row) for row in session.exec(query.order_by(col(CallRow.id)).limit(limit))]


def save_stage(session: Session, call: Call) -> None:
    session.exec(
        update(CallRow)
        .where(col(CallRow.id) == call.id)
        .values(stage=call.stage, stage_until=call.stage_until)
    )


def end_stage(session: Session, call_id: UUID, *, at: datetime) -> None:
    session.exec(update(CallRow).where(col(CallRow.id) == call_id).values(stage_until=at))


def lock_due(session: Session, *, now: datetime) -> Call | None:
    """The call whose stage should have ended longest ago and that nobody else is moving.

    A notice does not end while an appeal is open.
    """
    appealed = exists().where(
        col(CallAppealRow.call_id) == col(CallRow.id), col(CallAppealRow.state) == AppealState.OPEN
    )
    query = (
        select(CallRow)
        .where(
            col(CallRow.stage).not_in(OVER),
            col(CallRow.stage_until) <= now,
            not_(and_(col(CallRow.stage) == Stage.NOTICE, appealed)),
        )
        .order_by(col(CallRow.stage_until), col(CallRow.id))
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    row = session.exec(query, execution_options={"populate_existing": True}).one_or_none()
    return None if row is None else _call(row)


def lock_short(session: Session) -> Call | None:
    """A call under review in which a juror declined and nobody else was asked yet."""
    declined = exists().where(
        col(CallReviewRow.call_id) == col(CallRow.id),
        col(CallReviewRow.state) == ReviewState.DECLINED,
    )
    query = (
        select(CallRow)
        .where(col(CallRow.stage) == Stage.REVIEW, declined)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    row = session.exec(query, execution_options={"populate_existing": True}).one_or_none()
    return None if row is None else _call(row)


def insert_juror(session: Session, call: Call, person_id: UUID, *, at: datetime) -> bool:
    """Put somebody on the jury, who may be on it; whether there is such a person."""
    values = {
        "call_id": call.id,
        "person_id": person_id,
        "organisation_id": call.organisation_id,
        "appointed_at": at,
    }
    statement = insert(CallJurorRow).values(values).on_conflict_do_nothing()
    try:
        with session.begin_nested():
            session.exec(statement)
    except IntegrityError:
        return False
    return True


def delete_juror(session: Session, call_id: UUID, person_id: UUID) -> bool:
    statement = delete(CallJurorRow).where(
        col(CallJurorRow.call_id) == call_id, col(CallJurorRow.person_id) == person_id
    )
    return bool(session.connection().execute(statement).rowcount)


def jurors_of(session: Session, call_id: UUID) -> list[UUID]:
    query = select(CallJurorRow.person_id).where(col(CallJurorRow.call_id) == call_id)
    return list(session.exec(query.order_by(col(CallJurorRow.person_id))))


def insert_notice(session: Session, notice: Notice) -> None:
    row = asdict(notice) | {"places": _PLACES.dump_python(list(notice.places), mode="json")}
    session.add(CallNoticeRow(**row))
    session.flush()


def notices_of(session: Session, call_id: UUID) -> list[Notice]:
    query = select(CallNoticeRow).where(col(CallNoticeRow.call_id) == call_id)
    return [_notice(row) for row in session.exec(query.order_by(col(CallNoticeRow.number)))]


def count_notices(session: Session, call_id: UUID) -> int:
    query = select(func.count()).where(col(CallNoticeRow.call_id) == call_id)
    return session.exec(query).one()


def insert_appeal(session: Session, appeal: Appeal) -> None:
    session.add(CallAppealRow(**asdict(appeal)))
    session.flush()


def find_appeal(session: Session, appeal_id: UUID, *, for_update: bool = False) -> Appeal | None:
    """The appeal, if the transaction's organisation made it or decides it."""
    query = select(CallAppealRow).where(col(CallAppealRow.id) == appeal_id)
    if for_update:
        query = query.with_for_update()
    row = session.exec(query, execution_options={"populate_existing": True}).one_or_none()
    return None if row is None else _appeal(row)


def appeals_after(
    session: Session, party: OrganisationId, *, after: UUID | None, limit: int
) -> list[Appeal]:
    query = select(CallAppealRow).where(
        (col(CallAppealRow.organisation_id) == party) | (col(CallAppealRow.owner_id) == party)
    )
    if after is not None:
        query = query.where(col(CallAppealRow.id) > after)
    return [
        _appeal(row) for row in session.exec(query.order_by(col(CallAppealRow.id)).limit(limit))
    ]


def save_appeal(session: Session, appeal: Appeal) -> None:
    session.exec(
        update(CallAppealRow)
        .where(col(CallAppealRow.id) == appeal.id)
        .values(state=appeal.state, reason=appeal.reason)
    )


def insert_award(session: Session, award: Award) -> None:
    session.add(CallAwardRow(**asdict(award)))
    session.flush()


def find_award(session: Session, award_id: UUID, *, party: UUID) -> Award | None:
    """An award that ``party`` gave or won."""
    query = select(CallAwardRow).where(
        col(CallAwardRow.id) == award_id,
        or_(col(CallAwardRow.organisation_id) == party, col(CallAwardRow.winner_id) == party),
    )
    row = session.exec(query).one_or_none()
    return None if row is None else _award(row)


def awards_of(session: Session, call_id: UUID) -> list[Award]:
    query = select(CallAwardRow).where(col(CallAwardRow.call_id) == call_id)
    rows = session.exec(query.order_by(col(CallAwardRow.rank), col(CallAwardRow.code)))
    return [_award(row) for row in rows]


def _call(row: CallRow) -> Call:
    prize = None
    if row.prize_minor is not None and row.currency is not None:
        prize = Money(row.prize_minor, row.currency)
    return Call(
        id=row.id,
        organisation_id=OrganisationId(row.organisation_id),
        kind=CallKind(row.kind),
        title=row.title,
        title_zh=row.title_zh,
        about=row.about,
        direction=row.direction,
        visibility=Visibility(row.visibility),
        park=row.park,
        space_id=row.space_id,
        rules=Rules(
            criteria=criteria_from(row.criteria),
            blind=row.blind,
            reviewers=row.reviewers,
            awards=row.awards,
            conflicts=tuple(Community(one) for one in row.conflicts),
        ),
        schedule=Schedule(
            row.opens_at, row.submit_until, row.screen_until, row.review_until, row.notice_days
        ),
        prize=prize,
        stage=Stage(row.stage),
        stage_until=row.stage_until,
        created_at=row.created_at,
    )


def _notice(row: CallNoticeRow) -> Notice:
    return Notice(
        id=row.id,
        organisation_id=OrganisationId(row.organisation_id),
        call_id=row.call_id,
        number=row.number,
        places=tuple(_PLACES.validate_python(row.places)),
        opens_at=row.opens_at,
        closes_at=row.closes_at,
    )


def _appeal(row: CallAppealRow) -> Appeal:
    return Appeal(
        id=row.id,
        organisation_id=OrganisationId(row.organisation_id),
        owner_id=OrganisationId(row.owner_id),
        call_id=row.call_id,
        code=row.code,
        ground=row.ground,
        state=AppealState(row.state),
        created_at=row.created_at,
        reason=row.reason,
    )


def _award(row: CallAwardRow) -> Award:
    return Award(
        id=row.id,
        organisation_id=OrganisationId(row.organisation_id),
        winner_id=OrganisationId(row.winner_id),
        call_id=row.call_id,
        paper_id=row.paper_id,
        code=row.code,
        title=row.title,
        rank=row.rank,
        certificate=row.certificate,
        prize_minor=row.prize_minor,
        currency=row.currency,
        escrow_id=row.escrow_id,
        created_at=row.created_at,
    )
