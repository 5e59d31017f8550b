"""Use cases of confidentiality agreements."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlmodel import Session

from services.agreements import store
from services.agreements.domain import (
    Nda,
    Signature,
    Subject,
    check_proposal,
    check_signing,
)
from services.contracts.access import Acting
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OrganisationId
from services.identity import handlers as identity
from services.runtime.audit.recording import note
from services.runtime.clock import Clock


class NdaNotFoundError(DomainError):
    code: ClassVar[str] = "nda-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "You are party to no agreement with the id {nda_id}; list /agreements."
    zh: ClassVar[str] = "您不是编号为 {nda_id} 的协议的当事方；请查看 /agreements。"


def propose(
    *,
    session: Session,
    clock: Clock,
    acting: Acting,
    owner_id: OrganisationId,
    counterparty_id: OrganisationId,
    subject: Subject | None,
    terms_hash: bytes,
    expires_at: datetime,
) -> Nda:
    """Propose an agreement, signed by the own side; the caller is one of the two parties.

    Raises:
        NotTwoPartiesError, NdaTermError: it could not hold.
        NdaNotFoundError: the caller is neither party.
        OrganisationNotFoundError: a party does not exist.
    """
    now, own = clock.now(), acting.organisation_id
    nda_id = clock.new_id()
    check_proposal(
        organisation_id=owner_id, counterparty_id=counterparty_id, expires_at=expires_at, now=now
    )
    if own not in {owner_id, counterparty_id}:
        raise NdaNotFoundError(nda_id=nda_id)
    other = counterparty_id if own == owner_id else owner_id
    identity.get_organisation(session=session, organisation_id=other)
    signature = _signature(acting, now)
    nda = Nda(
        id=nda_id,
        organisation_id=owner_id,
        counterparty_id=counterparty_id,
        proposed_by=own,
        subject=subject,
        terms_hash=terms_hash,
        created_at=now,
        expires_at=expires_at,
        owner_signature=signature if own == owner_id else None,
        counterparty_signature=signature if own == counterparty_id else None,
        revocation=None,
    )
    store.insert_nda(session, nda)
    note(session, subject_kind="nda", subject_id=nda.id, after=nda)
    return nda


def sign(*, session: Session, clock: Clock, acting: Acting, nda_id: UUID, terms_hash: bytes) -> Nda:
    """Sign for the acting organisation; again changes nothing.

    Raises:
        NdaNotFoundError: it is no party.
        NdaOverError, TermsDifferError: there is nothing to sign, or something else.
    """
    nda = _locked(session, nda_id, acting.organisation_id)
    check_signing(nda, terms_hash=terms_hash, now=clock.now())
    signature = _signature(acting, clock.now())
    if acting.organisation_id == nda.organisation_id:
        signed = replace(nda, owner_signature=nda.owner_signature or signature)
    else:
        signed = replace(nda, counterparty_signature=nda.counterparty_signature or signature)
    return _changed(session, nda, signed)


def revoke(*, session: Session, clock: Clock, acting: Acting, nda_id: UUID) -> Nda:
    """End the agreement at once; either party may, again changes nothing.

    Raises:
        NdaNotFoundError: the acting organisation is no party.
    """
    nda = _locked(session, nda_id, acting.organisation_id)
    signature = _signature(acting, clock.now())
    return _changed(session, nda, replace(nda, revocation=nda.revocation or signature))


def get_nda(*, session: Session, acting: Acting, nda_id: UUID) -> Nda:
    nda = store.nda_of_party(session, nda_id, acting.organisation_id)
    if nda is None:
        raise NdaNotFoundError(nda_id=nda_id)
    return nda


def list_ndas(*, session: Session, acting: Acting, after: UUID | None, limit: int) -> list[Nda]:
    return store.ndas_after(session, acting.organisation_id, after, limit)


def has_nda(
    *,
    session: Session,
    clock: Clock,
    owner_id: OrganisationId,
    counterparty_id: OrganisationId,
    subjects: Sequence[Subject],
) -> bool:
    """Whether ``owner_id`` confided one of ``subjects`` to ``counterparty_id``: both signed."""
    return store.is_confided(
        session,
        owner=owner_id,
        counterparty=counterparty_id,
        subjects=subjects,
        now=clock.now(),
    )


def _locked(session: Session, nda_id: UUID, party: OrganisationId) -> Nda:
    nda = store.nda_of_party(session, nda_id, party, lock=True)
    if nda is None:
        raise NdaNotFoundError(nda_id=nda_id)
    return nda


def _changed(session: Session, before: Nda, after: Nda) -> Nda:
    if before != after:
        store.update_signatures(session, after)
        note(session, subject_kind="nda", subject_id=after.id, before=before, after=after)
    return after


def _signature(acting: Acting, at: datetime) -> Signature:
    signer = acting.principal.id
    assert signer is not None, "who acts for an organisation is somebody"
    return Signature(at, signer)
