"""The SQL of rounds."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, exists, func
from sqlalchemy.dialects.postgresql import Range, insert
from sqlalchemy.orm import aliased
from sqlmodel import Session, and_, case, col, delete, or_, select, update

from marketplace.rounds.domain import (
    LOST,
    ONGOING,
    Choice,
    Entry,
    FairnessTerms,
    Outcome,
    Reason,
    Round,
    RoundResult,
    RoundState,
    Turn,
)
from marketplace.rounds.tables import ClearingEntryRow, ClearingOfferRow, ClearingRoundRow
from services.capacity.domain import Visibility
from services.contracts.ids import BookingId, DemandId, OfferId, OrganisationId, ResourceId
from services.contracts.intervals import Interval
from services.identity.domain import Reach

HISTORY_MAX: Final = 2_000
"""Rounds looked back on, of all firms asked about together."""
_RESULT: Final = TypeAdapter(RoundResult)
_LATER: Final = (Outcome.DISPLACED, Outcome.LEFT_OUT)
_Other: Final = aliased(ClearingEntryRow)


def insert_round(session: Session, one: Round) -> None:
    session.add(
        ClearingRoundRow(
            id=one.id,
            organisation_id=one.organisation_id,
            title=one.title,
            visibility=one.visibility,
            park=one.park,
            space_id=one.space_id,
            process=one.process,
            currency=one.currency,
            closes_at=one.closes_at,
            **asdict(one.terms),
            state=one.state,
            created_at=one.created_at,
        )
    )
    session.flush()


def find_round(
    session: Session,
    round_id: UUID,
    *,
    viewer: OrganisationId,
    reach: Reach,
    for_update: bool = False,
) -> Round | None:
    """The round, if ``viewer`` with its ``reach`` may see it."""
    query = select(ClearingRoundRow).where(
        col(ClearingRoundRow.id) == round_id, _seen_by(viewer, reach)
    )
    if for_update:
        query = query.with_for_update()
    row = session.exec(query, execution_options={"populate_existing": True}).one_or_none()
    return None if row is None else _round(row)


def rounds_after(
    session: Session, *, viewer: OrganisationId, reach: Reach, after: UUID | None, limit: int
) -> list[Round]:
    """A page in order of id, which is that of opening."""
    query = select(ClearingRoundRow).where(_seen_by(viewer, reach))
    if after is not None:
        query = query.where(col(ClearingRoundRow.id) > after)
    return [
        _round(row) for row in session.exec(query.order_by(col(ClearingRoundRow.id)).limit(limit))
    ]


def _seen_by(viewer: OrganisationId, reach: Reach) -> ColumnElement[bool]:
    """What row security says too."""
    visibility = col(ClearingRoundRow.visibility)
    return or_(
        visibility == Visibility.PUBLIC,
        col(ClearingRoundRow.organisation_id) == viewer,
        and_(visibility == Visibility.PARK, col(ClearingRoundRow.park).in_(reach.parks)),
        and_(visibility == Visibility.SPACE, col(ClearingRoundRow.space_id).in_(reach.spaces)),
    )


def end_now(session: Session, round_id: UUID, *, now: datetime) -> None:
    session.exec(
        update(ClearingRoundRow).where(col(ClearingRoundRow.id) == round_id).values(closes_at=now)
    )


def has_due(session: Session, *, now: datetime) -> bool:
    """Whether a round is open and over, or holding."""
    row = ClearingRoundRow
    due = or_(
        and_(col(row.state) == RoundState.OPEN, col(row.closes_at) <= now),
        col(row.state) == RoundState.HOLDING,
    )
    return session.exec(select(row.id).where(due).limit(1)).first() is not None


def lock_due(session: Session, *, now: datetime) -> Round | None:
    """The open round that should have closed longest ago and that nobody else is deciding."""
    query = (
        select(ClearingRoundRow)
        .where(
            col(ClearingRoundRow.state) == RoundState.OPEN, col(ClearingRoundRow.closes_at) <= now
        )
        .order_by(col(ClearingRoundRow.closes_at), col(ClearingRoundRow.id))
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    row = session.exec(query).one_or_none()
    return None if row is None else _round(row)


def lock_finished(session: Session) -> Round | None:
    """A round that is holding and has nothing left to hold."""
    ongoing = exists().where(
        col(ClearingEntryRow.round_id) == col(ClearingRoundRow.id),
        col(ClearingEntryRow.outcome).in_(ONGOING),
    )
    query = (
        select(ClearingRoundRow)
        .where(col(ClearingRoundRow.state) == RoundState.HOLDING, ~ongoing)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    row = session.exec(query).one_or_none()
    return None if row is None else _round(row)


def save_state(session: Session, one: Round) -> None:
    result = None if one.result is None else _RESULT.dump_python(one.result, mode="json")
    session.exec(
        update(ClearingRoundRow)
        .where(col(ClearingRoundRow.id) == one.id)
        .values(state=one.state, result=result)
    )


def insert_entry(session: Session, entry: Entry) -> bool:
    """Whether it was added: a demand is in one round at a time, and in each round once."""
    statement = insert(ClearingEntryRow).values(
        id=entry.id,
        round_id=entry.round_id,
        organisation_id=entry.organisation_id,
        demand_id=entry.demand_id,
        created_at=entry.created_at,
        **_course(entry),
    )
    added = session.exec(statement.on_conflict_do_nothing().returning(col(ClearingEntryRow.id)))
    return added.first() is not None


def delete_waiting(
    session: Session, round_id: UUID, demand_id: UUID, organisation_id: OrganisationId
) -> bool:
    """Whether there was such an entry of the organisation to delete."""
    statement = delete(ClearingEntryRow).where(
        col(ClearingEntryRow.round_id) == round_id,
        col(ClearingEntryRow.demand_id) == demand_id,
        col(ClearingEntryRow.organisation_id) == organisation_id,
        col(ClearingEntryRow.outcome) == Outcome.WAITING,
    )
    return bool(session.connection().execute(statement).rowcount)


def entries_of(session: Session, round_id: UUID) -> list[Entry]:
    """All entries, in order of joining."""
    query = select(ClearingEntryRow).where(col(ClearingEntryRow.round_id) == round_id)
    return [_entry(row) for row in session.exec(query.order_by(col(ClearingEntryRow.id)))]


def count_entries(session: Session, round_id: UUID, organisation_id: OrganisationId) -> int:
    query = select(func.count()).where(
        col(ClearingEntryRow.round_id) == round_id,
        col(ClearingEntryRow.organisation_id) == organisation_id,
    )
    return session.exec(query).one()


def entries_after(
    session: Session,
    round_id: UUID,
    *,
    organisation_id: OrganisationId,
    after: UUID | None,
    limit: int,
) -> list[Entry]:
    query = select(ClearingEntryRow).where(
        col(ClearingEntryRow.round_id) == round_id,
        col(ClearingEntryRow.organisation_id) == organisation_id,
    )
    if after is not None:
        query = query.where(col(ClearingEntryRow.id) > after)
    rows = session.exec(query.order_by(col(ClearingEntryRow.id)).limit(limit))
    return [_entry(row) for row in rows]


def lock_ongoing(session: Session) -> Entry | None:
    """The next demand to hold for that nobody else is holding for.

    Within a round those that won come first; who was displaced or left out looks at what remains
    only when no winner is left, also not one that another worker is holding for.
    """
    planned = exists().where(
        col(_Other.round_id) == col(ClearingEntryRow.round_id),
        col(_Other.outcome) == Outcome.PLANNED,
    )
    query = (
        select(ClearingEntryRow)
        .where(
            or_(
                col(ClearingEntryRow.outcome) == Outcome.PLANNED,
                and_(col(ClearingEntryRow.outcome).in_(_LATER), ~planned),
            )
        )
        .order_by(col(ClearingEntryRow.round_id), col(ClearingEntryRow.place))
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    row = session.exec(query, execution_options={"populate_existing": True}).one_or_none()
    return None if row is None else _entry(row)


def save_entry(session: Session, entry: Entry) -> None:
    session.exec(
        update(ClearingEntryRow)
        .where(col(ClearingEntryRow.id) == entry.id)
        .values(**_course(entry))
    )


def insert_offers(session: Session, round_id: UUID, providers: Collection[OrganisationId]) -> None:
    rows = [
        {"round_id": round_id, "organisation_id": one, "taken": False} for one in sorted(providers)
    ]
    if rows:
        session.exec(insert(ClearingOfferRow).values(rows))


def mark_taken(session: Session, round_id: UUID, provider_id: OrganisationId) -> None:
    taken = {"round_id": round_id, "organisation_id": provider_id, "taken": True}
    statement = insert(ClearingOfferRow).values(taken)
    keys = ["round_id", "organisation_id"]
    session.exec(statement.on_conflict_do_update(index_elements=keys, set_={"taken": True}))


def turns_of_askers(
    session: Session, organisation_ids: Collection[OrganisationId]
) -> Mapping[OrganisationId, Sequence[Turn]]:
    """How their closed rounds ended for firms that asked, newest first."""
    entry = ClearingEntryRow
    lost = and_(col(entry.outcome) == Outcome.UNSERVED, col(entry.reason).in_(LOST))
    query = (
        select(
            entry.organisation_id,
            func.bool_or(col(entry.outcome) == Outcome.HELD),
            func.bool_or(func.coalesce(lost, False)),
        )
        .join(ClearingRoundRow, col(ClearingRoundRow.id) == col(entry.round_id))
        .where(
            col(entry.organisation_id).in_(organisation_ids),
            col(ClearingRoundRow.state) == RoundState.CLOSED,
        )
        .group_by(col(entry.organisation_id), col(entry.round_id))
        .order_by(col(entry.round_id).desc())
        .limit(HISTORY_MAX)
    )
    return _by_firm(session.exec(query).all())


def turns_of_suppliers(
    session: Session, organisation_ids: Collection[OrganisationId]
) -> Mapping[OrganisationId, Sequence[Turn]]:
    """The same for firms that offered."""
    offer = ClearingOfferRow
    query = (
        select(offer.organisation_id, offer.taken, case((col(offer.taken), False), else_=True))
        .join(ClearingRoundRow, col(ClearingRoundRow.id) == col(offer.round_id))
        .where(
            col(offer.organisation_id).in_(organisation_ids),
            col(ClearingRoundRow.state) == RoundState.CLOSED,
        )
        .order_by(col(offer.round_id).desc())
        .limit(HISTORY_MAX)
    )
    return _by_firm(session.exec(query).all())


def _by_firm(
    rows: Sequence[tuple[UUID, bool, bool]],
) -> Mapping[OrganisationId, Sequence[Turn]]:
    turns: dict[OrganisationId, list[Turn]] = {}
    for firm, served, lost in rows:
        turns.setdefault(OrganisationId(firm), []).append(Turn(served, lost))
    return turns


def _course(entry: Entry) -> dict[str, Any]:
    choice = entry.choice
    return {
        "outcome": entry.outcome,
        "place": entry.place,
        "reason": entry.reason,
        "offer_id": choice and choice.offer_id,
        "resource_id": choice and choice.resource_id,
        "within": choice and Range(choice.within.start, choice.within.end),
        "options": entry.options,
        "booking_id": entry.booking_id,
        "price_minor": entry.price_minor,
        "scarcity_minor": entry.scarcity_minor,
        "updated_at": entry.updated_at,
    }


def _round(row: ClearingRoundRow) -> Round:
    return Round(
        id=row.id,
        organisation_id=OrganisationId(row.organisation_id),
        title=row.title,
        visibility=Visibility(row.visibility),
        park=row.park,
        space_id=row.space_id,
        process=row.process,
        currency=row.currency,
        closes_at=row.closes_at,
        terms=FairnessTerms(
            row.patience_windows, row.credit_per_window_minor, row.credit_max_minor
        ),
        state=RoundState(row.state),
        created_at=row.created_at,
        result=None if row.result is None else _RESULT.validate_python(row.result),
    )


def _entry(row: ClearingEntryRow) -> Entry:
    return Entry(
        id=row.id,
        round_id=row.round_id,
        organisation_id=OrganisationId(row.organisation_id),
        demand_id=DemandId(row.demand_id),
        outcome=Outcome(row.outcome),
        created_at=row.created_at,
        updated_at=row.updated_at,
        place=row.place,
        reason=None if row.reason is None else Reason(row.reason),
        choice=_choice(row),
        options=row.options,
        booking_id=None if row.booking_id is None else BookingId(row.booking_id),
        price_minor=row.price_minor,
        scarcity_minor=row.scarcity_minor,
    )


def _choice(row: ClearingEntryRow) -> Choice | None:
    if row.offer_id is None or row.resource_id is None or row.within is None:
        return None
    start, end = row.within.lower, row.within.upper
    assert start is not None, "written with both bounds"
    assert end is not None, "written with both bounds"
    return Choice(OfferId(row.offer_id), ResourceId(row.resource_id), Interval(start, end))
