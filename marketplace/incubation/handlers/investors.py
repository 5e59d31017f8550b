"""Whom an incubator vouches for: verified investors, until it takes that back."""

from dataclasses import replace
from typing import ClassVar
from uuid import UUID

from sqlmodel import Session

from marketplace.incubation import store
from marketplace.incubation.domain import Approval
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OrganisationId
from services.identity import handlers as identity
from services.identity.domain import OrganisationKind, Verification
from services.runtime.audit.recording import note
from services.runtime.clock import Clock


class InvestorUnfitError(DomainError):
    code: ClassVar[str] = "investor-unfit"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = (
        "Organisation {investor_id} cannot be vouched for: only one of kind investor whose identity"
        " the platform has verified, and that you do not vouch for already."
    )
    zh: ClassVar[str] = (
        "无法为组织 {investor_id} 背书：须为类型 investor、已通过平台企业认证且尚未由贵组织背书。"
    )


class ApprovalNotFoundError(DomainError):
    code: ClassVar[str] = "investor-approval-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = (
        "Your organisation vouches for nobody by {approval_id}; list /investor-approvals."
    )
    zh: ClassVar[str] = "贵组织没有背书 {approval_id}；请查看 /investor-approvals。"


def approve(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    investor_id: OrganisationId,
    because: str,
) -> Approval:
    """Vouch for a verified investor, so that it can be introduced to own teams.

    Raises:
        InvestorUnfitError: it is no investor, not verified, or vouched for already.
    """
    found = identity.organisations_by_id(session=session, organisation_ids={investor_id})
    investor = found.get(investor_id)
    is_fit = (
        investor is not None
        and investor.kind is OrganisationKind.INVESTOR
        and investor.verification is Verification.VERIFIED
        and investor_id != organisation_id
    )
    given = store.approval_in_force(
        session, organisation_id=organisation_id, investor_id=investor_id
    )
    if not is_fit or given is not None:
        raise InvestorUnfitError(investor_id=investor_id)
    approval = Approval(
        clock.new_id(), organisation_id, investor_id, because=because, created_at=clock.now()
    )
    store.insert(session, approval)
    note(session, subject_kind="investor_approval", subject_id=approval.id, after=approval)
    return approval


def withdraw(
    *, session: Session, clock: Clock, organisation_id: OrganisationId, approval_id: UUID
) -> Approval:
    """Vouch no more; what teams showed the investor through it is hidden at once.

    Raises:
        ApprovalNotFoundError: the organisation gave no such approval.
    """
    found = store.find_approval(session, approval_id, organisation_id=organisation_id)
    if found is None:
        raise ApprovalNotFoundError(approval_id=approval_id)
    if found.withdrawn_at is not None:
        return found
    after = replace(found, withdrawn_at=clock.now())
    store.save_withdrawal(session, after)
    note(
        session,
        subject_kind="investor_approval",
        subject_id=found.id,
        before=found,
        after=after,
    )
    return after


def list_approvals(*, session: Session, after: UUID | None, limit: int) -> list[Approval]:
    """A page of the public register, in order of approval."""
    return store.approvals_after(session, after=after, limit=limit)
