"""Escrows, their movements, and share rules."""

from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, or_, select, update

from services.contracts.ids import OrganisationId
from services.contracts.money import Money
from services.ledger.domain import (
    Escrow,
    EscrowState,
    EscrowTerms,
    Movement,
    MovementKind,
    ShareMember,
    ShareRule,
    Subject,
)
from services.ledger.store.adding import is_added
from services.ledger.tables import EscrowRow, MovementRow, ShareRuleRow


def insert_escrow(session: Session, escrow: Escrow) -> bool:
    """Whether it was added: a subject has one."""
    values = {
        "id": escrow.id,
        "organisation_id": escrow.payer_id,
        "payee_id": escrow.payee_id,
        "subject_kind": escrow.subject.kind,
        "subject_id": escrow.subject.id,
        "amount_minor": escrow.amount.minor,
        "currency": escrow.amount.currency,
        "vat_rate": escrow.terms.vat_rate,
        "commission_rule": escrow.terms.commission_rule,
        "commission_version": escrow.commission_version,
        "share_rule_id": escrow.terms.share_rule_id,
        "opened_at": escrow.opened_at,
        **_course(escrow),
    }
    return is_added(session, EscrowRow, values)


def save_escrow(session: Session, escrow: Escrow) -> None:
    """Write how an escrow read under lock goes on; the rest was agreed."""
    session.exec(update(EscrowRow).where(col(EscrowRow.id) == escrow.id).values(**_course(escrow)))


def lock_escrow(session: Session, escrow_id: UUID) -> Escrow | None:
    """The escrow, changed by nobody else until this transaction ends."""
    query = select(EscrowRow).where(col(EscrowRow.id) == escrow_id).with_for_update()
    row = session.exec(query, execution_options={"populate_existing": True}).one_or_none()
    return None if row is None else _escrow(row)


def find_escrow(session: Session, subject: Subject) -> Escrow | None:
    query = select(EscrowRow).where(
        col(EscrowRow.subject_kind) == subject.kind, col(EscrowRow.subject_id) == subject.id
    )
    row = session.exec(query, execution_options={"populate_existing": True}).one_or_none()
    return None if row is None else _escrow(row)


def escrow_of_party(session: Session, escrow_id: UUID, party: OrganisationId) -> Escrow | None:
    query = select(EscrowRow).where(col(EscrowRow.id) == escrow_id, _of(party))
    row = session.exec(query, execution_options={"populate_existing": True}).one_or_none()
    return None if row is None else _escrow(row)


def escrows_after(
    session: Session, *, party: OrganisationId, after: UUID | None, limit: int
) -> list[Escrow]:
    query = select(EscrowRow).where(_of(party))
    if after is not None:
        query = query.where(col(EscrowRow.id) > after)
    rows = session.exec(query.order_by(col(EscrowRow.id)).limit(limit))
    return [_escrow(row) for row in rows]


def _of(party: OrganisationId) -> Any:
    return or_(col(EscrowRow.organisation_id) == party, col(EscrowRow.payee_id) == party)


def insert_movement(session: Session, escrow: Escrow, movement: Movement) -> None:
    session.connection().execute(
        insert(MovementRow)
        .inline()
        .values(
            id=movement.id,
            organisation_id=escrow.payer_id,
            payee_id=escrow.payee_id,
            escrow_id=escrow.id,
            kind=movement.kind,
            minor=movement.minor,
            vat_minor=movement.vat_minor,
            fee_minor=movement.fee_minor,
            fee_vat_minor=movement.fee_vat_minor,
            net_minor=movement.net_minor,
            because=movement.because,
            trace=list(movement.trace),
            fact_id=movement.fact_id,
            transaction_id=movement.transaction_id,
            at=movement.at,
        )
    )


def find_movement(
    session: Session, escrow_id: UUID, kind: MovementKind, fact_id: UUID
) -> Movement | None:
    query = select(MovementRow).where(
        col(MovementRow.escrow_id) == escrow_id,
        col(MovementRow.kind) == kind,
        col(MovementRow.fact_id) == fact_id,
    )
    row = session.exec(query).one_or_none()
    return None if row is None else _movement(row)


def movements_after(
    session: Session, escrow_id: UUID, *, after: UUID | None, limit: int
) -> list[Movement]:
    """In order of happening."""
    query = select(MovementRow).where(col(MovementRow.escrow_id) == escrow_id)
    if after is not None:
        query = query.where(col(MovementRow.id) > after)
    rows = session.exec(query.order_by(col(MovementRow.id)).limit(limit))
    return [_movement(row) for row in rows]


def insert_share_rule(session: Session, rule: ShareRule) -> None:
    members = [
        {"organisation_id": str(member.organisation_id), "stake": member.stake}
        for member in rule.members
    ]
    session.add(
        ShareRuleRow(
            id=rule.id,
            organisation_id=rule.organisation_id,
            name=rule.name,
            members=members,
            created_at=rule.created_at,
        )
    )
    session.flush()


def find_share_rule(
    session: Session, rule_id: UUID, organisation_id: OrganisationId
) -> ShareRule | None:
    """A rule of the organisation."""
    query = select(ShareRuleRow).where(
        col(ShareRuleRow.id) == rule_id, col(ShareRuleRow.organisation_id) == organisation_id
    )
    row = session.exec(query).one_or_none()
    return None if row is None else _share_rule(row)


def share_rules_after(
    session: Session, *, organisation_id: OrganisationId, after: UUID | None, limit: int
) -> list[ShareRule]:
    query = select(ShareRuleRow).where(col(ShareRuleRow.organisation_id) == organisation_id)
    if after is not None:
        query = query.where(col(ShareRuleRow.id) > after)
    rows = session.exec(query.order_by(col(ShareRuleRow.id)).limit(limit))
    return [_share_rule(row) for row in rows]


def _course(escrow: Escrow) -> dict[str, Any]:
    return {
        "state": escrow.state,
        "funded_minor": escrow.funded_minor,
        "released_minor": escrow.released_minor,
        "refunded_minor": escrow.refunded_minor,
        "frozen_because": escrow.frozen_because,
        "updated_at": escrow.updated_at,
    }


def _escrow(row: EscrowRow) -> Escrow:
    return Escrow(
        id=row.id,
        subject=Subject(row.subject_kind, row.subject_id),
        payer_id=OrganisationId(row.organisation_id),
        payee_id=OrganisationId(row.payee_id),
        amount=Money(row.amount_minor, row.currency),
        terms=EscrowTerms(row.vat_rate, row.commission_rule, row.share_rule_id),
        commission_version=row.commission_version,
        state=EscrowState(row.state),
        opened_at=row.opened_at,
        updated_at=row.updated_at,
        funded_minor=row.funded_minor,
        released_minor=row.released_minor,
        refunded_minor=row.refunded_minor,
        frozen_because=row.frozen_because,
    )


def _movement(row: MovementRow) -> Movement:
    return Movement(
        id=row.id,
        escrow_id=row.escrow_id,
        kind=MovementKind(row.kind),
        minor=row.minor,
        because=row.because,
        fact_id=row.fact_id,
        at=row.at,
        transaction_id=row.transaction_id,
        vat_minor=row.vat_minor,
        fee_minor=row.fee_minor,
        fee_vat_minor=row.fee_vat_minor,
        net_minor=row.net_minor,
        trace=tuple(row.trace),
    )


def _share_rule(row: ShareRuleRow) -> ShareRule:
    members = tuple(
        ShareMember(OrganisationId(UUID(one["organisation_id"])), one["stake"])
        for one in row.members
    )
    return ShareRule(row.id, OrganisationId(row.organisation_id), row.name, members, row.created_at)
