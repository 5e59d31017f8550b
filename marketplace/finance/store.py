"""SQL of applications, consents and evidence."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import Session, col, or_, select

from marketplace.finance.domain import (
    RUNNING,
    Application,
    Asked,
    Consent,
    Evidence,
    Figure,
    FinancingKind,
    Item,
    State,
    Terms,
)
from marketplace.finance.tables import ApplicationRow, ConsentRow, EvidenceRow
from services.contracts.ids import OrganisationId
from services.contracts.money import Money


def insert_applications(session: Session, applications: Iterable[Application]) -> None:
    session.add_all(
        ApplicationRow(
            id=one.id,
            organisation_id=one.organisation_id,
            recipient_id=one.recipient_id,
            request_id=one.request_id,
            kind=one.asked.kind.value,
            amount_minor=one.asked.amount.minor,
            currency=one.asked.amount.currency,
            months=one.asked.months,
            purpose=one.asked.purpose,
            state=one.state.value,
            version=one.version,
            created_at=one.created_at,
            updated_at=one.updated_at,
        )
        for one in applications
    )
    session.flush()


def find_application(
    session: Session, application_id: UUID, *, party: OrganisationId, lock: bool = False
) -> Application | None:
    query = select(ApplicationRow).where(
        col(ApplicationRow.id) == application_id, _of(ApplicationRow, party)
    )
    row = session.exec(
        query.with_for_update() if lock else query,
        execution_options={"populate_existing": True},
    ).one_or_none()
    return None if row is None else _application(row)


def applications_after(
    session: Session, *, party: OrganisationId, after: UUID | None, limit: int
) -> list[Application]:
    query = select(ApplicationRow).where(_of(ApplicationRow, party))
    if after is not None:
        query = query.where(col(ApplicationRow.id) > after)
    rows = session.exec(query.order_by(col(ApplicationRow.id)).limit(limit))
    return [_application(row) for row in rows]


def lock_running(
    session: Session, request_id: UUID, *, organisation_id: OrganisationId
) -> list[Application]:
    """All of a request that may still come to something, in order of id."""
    query = (
        select(ApplicationRow)
        .where(
            col(ApplicationRow.request_id) == request_id,
            col(ApplicationRow.organisation_id) == organisation_id,
            col(ApplicationRow.state).in_(RUNNING),
        )
        .order_by(col(ApplicationRow.id))
        .with_for_update()
    )
    rows = session.exec(query, execution_options={"populate_existing": True})
    return [_application(row) for row in rows]


def save_application(session: Session, application: Application) -> None:
    row = session.get_one(ApplicationRow, application.id)
    row.state = application.state.value
    row.remark = application.remark
    if application.offer is not None:
        row.offered_minor = application.offer.amount_minor
        row.offered_rate = application.offer.rate
        row.offered_months = application.offer.months
    row.version, row.updated_at = application.version, application.updated_at
    session.flush()


def insert_consent(session: Session, consent: Consent, evidence: Iterable[Evidence]) -> None:
    items = [item.value for item in consent.items]
    session.add(ConsentRow(**asdict(consent) | {"items": items}))
    session.flush()
    session.add_all(
        EvidenceRow(
            id=one.id,
            organisation_id=one.organisation_id,
            recipient_id=one.recipient_id,
            consent_id=one.consent_id,
            as_of=one.as_of,
            **asdict(one.figure),
        )
        for one in evidence
    )
    session.flush()


def lock_consent(
    session: Session, consent_id: UUID, *, organisation_id: OrganisationId
) -> Consent | None:
    """A consent the organisation gave."""
    query = select(ConsentRow).where(
        col(ConsentRow.id) == consent_id, col(ConsentRow.organisation_id) == organisation_id
    )
    row = session.exec(
        query.with_for_update(), execution_options={"populate_existing": True}
    ).one_or_none()
    return None if row is None else _consent(row)


def save_revocation(session: Session, consent: Consent) -> None:
    session.get_one(ConsentRow, consent.id).revoked_at = consent.revoked_at
    session.flush()


def consents_after(
    session: Session, application_id: UUID, *, after: UUID | None, limit: int
) -> list[Consent]:
    query = select(ConsentRow).where(col(ConsentRow.application_id) == application_id)
    if after is not None:
        query = query.where(col(ConsentRow.id) > after)
    rows = session.exec(query.order_by(col(ConsentRow.id)).limit(limit))
    return [_consent(row) for row in rows]


def evidence_after(
    session: Session,
    application: Application,
    *,
    reader: OrganisationId,
    now: datetime,
    after: UUID | None,
    limit: int,
) -> list[Evidence]:
    """All of it for the applicant; for the recipient what a consent shows it at ``now``."""
    query = (
        select(EvidenceRow)
        .join(ConsentRow, col(ConsentRow.id) == col(EvidenceRow.consent_id))
        .where(col(ConsentRow.application_id) == application.id)
    )
    if reader != application.organisation_id:
        query = query.where(
            col(EvidenceRow.recipient_id) == reader,
            col(ConsentRow.revoked_at).is_(None),
            col(ConsentRow.expires_at) > now,
        )
    if after is not None:
        query = query.where(col(EvidenceRow.id) > after)
    rows = session.exec(query.order_by(col(EvidenceRow.id)).limit(limit))
    return [_evidence(row) for row in rows]


def _of(table: type[ApplicationRow], party: OrganisationId) -> Any:
    return or_(col(table.organisation_id) == party, col(table.recipient_id) == party)


def _application(row: ApplicationRow) -> Application:
    offer = None
    if row.offered_minor is not None:
        assert row.offered_rate is not None
        assert row.offered_months is not None
        offer = Terms(row.offered_minor, row.offered_rate, row.offered_months)
    return Application(
        id=row.id,
        organisation_id=OrganisationId(row.organisation_id),
        recipient_id=OrganisationId(row.recipient_id),
        request_id=row.request_id,
        asked=Asked(
            FinancingKind(row.kind), Money(row.amount_minor, row.currency), row.months, row.purpose
        ),
        state=State(row.state),
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
        offer=offer,
        remark=row.remark,
    )


def _consent(row: ConsentRow) -> Consent:
    return Consent(
        id=row.id,
        organisation_id=OrganisationId(row.organisation_id),
        recipient_id=OrganisationId(row.recipient_id),
        application_id=row.application_id,
        items=tuple(Item(item) for item in row.items),
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )


def _evidence(row: EvidenceRow) -> Evidence:
    return Evidence(
        id=row.id,
        organisation_id=OrganisationId(row.organisation_id),
        recipient_id=OrganisationId(row.recipient_id),
        consent_id=row.consent_id,
        as_of=row.as_of,
        figure=Figure(
            Item(row.item), row.period, row.currency, row.value, row.rows, row.rows_sha256
        ),
    )
