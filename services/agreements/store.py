"""The SQL of confidentiality agreements."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, insert, or_, select, update
from sqlmodel import Session, col, text

from services.agreements.domain import Nda, Signature, Subject
from services.agreements.tables import NdaRow
from services.contracts.ids import OrganisationId
from services.runtime.nda_rule import under_nda


def insert_nda(session: Session, nda: Nda) -> None:
    session.connection().execute(insert(NdaRow).values(_columns(nda)))


def update_signatures(session: Session, nda: Nda) -> None:
    session.connection().execute(
        update(NdaRow).where(col(NdaRow.id) == nda.id).values(_signatures(nda))
    )


def nda_of_party(
    session: Session, nda_id: UUID, party: OrganisationId, *, lock: bool = False
) -> Nda | None:
    """The agreement if ``party`` is one of its two."""
    query = select(NdaRow).where(col(NdaRow.id) == nda_id, _is_party(party))
    row = session.connection().execute(query.with_for_update() if lock else query).one_or_none()
    return None if row is None else _nda(row)


def ndas_after(
    session: Session, party: OrganisationId, after: UUID | None, limit: int
) -> list[Nda]:
    query = select(NdaRow).where(_is_party(party)).order_by(col(NdaRow.id)).limit(limit)
    if after is not None:
        query = query.where(col(NdaRow.id) > after)
    return [_nda(row) for row in session.connection().execute(query)]


def is_confided(
    session: Session,
    *,
    owner: OrganisationId,
    counterparty: OrganisationId,
    subjects: Sequence[Subject],
    now: datetime,
) -> bool:
    """Whether an agreement in force covers one of ``subjects``."""
    places = [(f":kind_{n}", f":id_{n}") for n in range(len(subjects))]
    condition = under_nda("owner", subjects=places, caller=":counterparty", now=":now")
    facts: dict[str, Any] = {"owner": owner, "counterparty": counterparty, "now": now}
    for n, subject in enumerate(subjects):
        facts |= {f"kind_{n}": subject.kind, f"id_{n}": subject.id}
    asked = text(
        f"SELECT {condition} FROM (VALUES (CAST(:owner AS uuid))) AS owner(organisation_id)"  # noqa: S608 - own text
    )
    return bool(session.connection().execute(asked, facts).scalar_one())


def _is_party(party: OrganisationId) -> ColumnElement[bool]:
    return or_(col(NdaRow.organisation_id) == party, col(NdaRow.counterparty_id) == party)


def _columns(nda: Nda) -> dict[str, Any]:
    return {
        "id": nda.id,
        "organisation_id": nda.organisation_id,
        "counterparty_id": nda.counterparty_id,
        "proposed_by": nda.proposed_by,
        "subject_kind": nda.subject.kind if nda.subject else None,
        "subject_id": nda.subject.id if nda.subject else None,
        "terms_hash": nda.terms_hash,
        "created_at": nda.created_at,
        "expires_at": nda.expires_at,
        **_signatures(nda),
    }


def _signatures(nda: Nda) -> dict[str, Any]:
    return {
        **_signed("owner_signed", nda.owner_signature),
        **_signed("counterparty_signed", nda.counterparty_signature),
        **_signed("revoked", nda.revocation),
    }


def _signed(name: str, signature: Signature | None) -> dict[str, Any]:
    return {
        f"{name}_at": signature.at if signature else None,
        f"{name}_by": signature.by if signature else None,
    }


def _nda(row: Any) -> Nda:
    return Nda(
        id=row.id,
        organisation_id=OrganisationId(row.organisation_id),
        counterparty_id=OrganisationId(row.counterparty_id),
        proposed_by=OrganisationId(row.proposed_by),
        subject=Subject(row.subject_kind, row.subject_id) if row.subject_kind else None,
        terms_hash=bytes(row.terms_hash),
        created_at=row.created_at,
        expires_at=row.expires_at,
        owner_signature=_signature(row.owner_signed_at, row.owner_signed_by),
        counterparty_signature=_signature(row.counterparty_signed_at, row.counterparty_signed_by),
        revocation=_signature(row.revoked_at, row.revoked_by),
    )


def _signature(at: datetime | None, by: UUID | None) -> Signature | None:
    return None if at is None or by is None else Signature(at, by)
