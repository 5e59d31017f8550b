"""SQL of the demands context."""

from dataclasses import asdict
from uuid import UUID

from sqlmodel import Session, col, select

from marketplace.demands.domain import Demand, DemandFacts, DemandState, Draft
from marketplace.demands.tables import DemandDraftRow, DemandRow
from services.contracts.ids import DemandId, OrganisationId
from services.matching.domain import CertificateNeed, Place


def insert_demand(session: Session, demand: Demand) -> None:
    facts = demand.facts
    place = facts.place
    session.add(
        DemandRow(
            id=demand.id,
            organisation_id=facts.organisation_id,
            title=facts.title,
            process=facts.process,
            minutes=facts.minutes,
            start_at=facts.start,
            end_at=facts.end,
            material=facts.material,
            envelope_mm=None if facts.envelope_mm is None else list(facts.envelope_mm),
            tolerance_um=facts.tolerance_um,
            nominal_mm=facts.nominal_mm,
            certificates=[asdict(need) for need in facts.certificates],
            currency=facts.currency,
            budget_minor=facts.budget_minor,
            latitude=None if place is None else place.latitude,
            longitude=None if place is None else place.longitude,
            radius_km=facts.radius_km,
            quantity=facts.quantity,
            units=facts.units,
            measured_only=facts.measured_only,
            state=demand.state.value,
            created_at=demand.created_at,
        )
    )
    session.flush()


def insert_draft(session: Session, draft: Draft) -> None:
    session.add(DemandDraftRow(**asdict(draft)))
    session.flush()


def update_draft(session: Session, draft: Draft) -> None:
    row = session.get_one(DemandDraftRow, draft.id)
    row.body, row.version, row.updated_at = dict(draft.body), draft.version, draft.updated_at
    session.flush()


def delete_draft(session: Session, draft_id: UUID) -> None:
    session.delete(session.get_one(DemandDraftRow, draft_id))
    session.flush()


def find_draft(session: Session, draft_id: UUID, organisation_id: UUID) -> Draft | None:
    """Nobody else changes it until this transaction ends."""
    query = select(DemandDraftRow).where(
        col(DemandDraftRow.id) == draft_id, col(DemandDraftRow.organisation_id) == organisation_id
    )
    row = session.exec(
        query.with_for_update(), execution_options={"populate_existing": True}
    ).one_or_none()
    return None if row is None else _draft(row)


def drafts_after(
    session: Session, *, organisation_id: UUID, after: UUID | None, limit: int
) -> list[Draft]:
    query = select(DemandDraftRow).where(col(DemandDraftRow.organisation_id) == organisation_id)
    if after is not None:
        query = query.where(col(DemandDraftRow.id) > after)
    return [
        _draft(row) for row in session.exec(query.order_by(col(DemandDraftRow.id)).limit(limit))
    ]


def _draft(row: DemandDraftRow) -> Draft:
    return Draft(
        id=DemandId(row.id),
        organisation_id=OrganisationId(row.organisation_id),
        body=row.body,
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def update_state(session: Session, demand_id: UUID, state: DemandState) -> None:
    session.get_one(DemandRow, demand_id).state = state.value
    session.flush()


def demand(session: Session, demand_id: UUID) -> Demand | None:
    row = session.get(DemandRow, demand_id)
    return None if row is None else _demand(row)


def demands_after(
    session: Session, *, organisation_id: UUID, after: UUID | None, limit: int
) -> list[Demand]:
    mine = select(DemandRow).where(col(DemandRow.organisation_id) == organisation_id)
    query = mine.order_by(col(DemandRow.id)).limit(limit)
    if after is not None:
        query = query.where(col(DemandRow.id) > after)
    return [_demand(row) for row in session.exec(query)]


def latest_demands(session: Session, *, organisation_id: UUID, limit: int) -> list[Demand]:
    mine = select(DemandRow).where(col(DemandRow.organisation_id) == organisation_id)
    query = mine.order_by(col(DemandRow.id).desc()).limit(limit)
    return [_demand(row) for row in session.exec(query)]


def _demand(row: DemandRow) -> Demand:
    facts = DemandFacts(
        organisation_id=OrganisationId(row.organisation_id),
        title=row.title,
        process=row.process,
        minutes=row.minutes,
        start=row.start_at,
        end=row.end_at,
        material=row.material,
        envelope_mm=_envelope(row.envelope_mm),
        tolerance_um=row.tolerance_um,
        certificates=tuple(CertificateNeed(**need) for need in row.certificates),
        currency=row.currency,
        budget_minor=row.budget_minor,
        place=_place(row),
        radius_km=row.radius_km,
        quantity=row.quantity,
        units=row.units,
        measured_only=row.measured_only,
        nominal_mm=row.nominal_mm,
    )
    return Demand(
        id=DemandId(row.id), facts=facts, state=DemandState(row.state), created_at=row.created_at
    )


def _envelope(edges: list[int] | None) -> tuple[int, int, int] | None:
    if edges is None:
        return None
    x, y, z = edges
    return x, y, z


def _place(row: DemandRow) -> Place | None:
    if row.latitude is None or row.longitude is None:
        return None
    return Place(row.latitude, row.longitude)
