"""The verified-firm flow (企业认证), and the facts of an organisation that it vouches for."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar
from uuid import UUID

from sqlmodel import Session

from services.contracts.errors import DomainError, ErrorKind
from services.contracts.events.envelope import Audience
from services.contracts.events.identity import OrganisationChanged
from services.contracts.ids import OrganisationId, PersonId
from services.identity.domain import (
    Organisation,
    RequestState,
    Verification,
    VerificationRequest,
    normal_uscc,
)
from services.identity.handlers.organisations import (
    OrganisationNotFoundError,
    UsccTakenError,
    get_organisation,
)
from services.identity.store import organisations, people
from services.identity.store import verification as store
from services.runtime.audit.recording import note
from services.runtime.clock import Clock
from services.runtime.outbox import emit


class OrganisationStaleError(DomainError):
    code: ClassVar[str] = "organisation-stale"
    kind: ClassVar[ErrorKind] = ErrorKind.STALE
    en: ClassVar[str] = (
        "The organisation changed since you read it; read it again, then repeat the change."
    )
    zh: ClassVar[str] = "该组织在您读取后已被更改；请重新读取后再提交更改。"


class UsccMissingError(DomainError):
    code: ClassVar[str] = "uscc-missing"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "Verification compares the credit code; give the organisation one by PATCH /organisation."
    )
    zh: ClassVar[str] = "认证需核对统一社会信用代码；请先用 PATCH /organisation 填写。"


class VerificationPendingError(DomainError):
    code: ClassVar[str] = "verification-pending"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "A request is pending already; wait for the decision."
    zh: ClassVar[str] = "已有待审核的认证申请；请等待审核结果。"


class VerifiedAlreadyError(DomainError):
    code: ClassVar[str] = "verified-already"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "The organisation is verified already; nothing is to be done."
    zh: ClassVar[str] = "该组织已通过认证；无需再次申请。"


class EvidenceNotFoundError(DomainError):
    code: ClassVar[str] = "evidence-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = (
        "Your organisation has no documents {missing} uploaded for verification; upload them with"
        " subject_kind verification."
    )
    zh: ClassVar[str] = "贵组织没有用于认证的文档 {missing}；请以 subject_kind=verification 上传。"


class VerificationNotFoundError(DomainError):
    code: ClassVar[str] = "verification-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = (
        "Your organisation never asked to be verified; POST /organisation/verification."
    )
    zh: ClassVar[str] = "贵组织尚未申请认证；请使用 POST /organisation/verification。"


class VerificationNotPendingError(DomainError):
    code: ClassVar[str] = "verification-not-pending"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Organisation {organisation_id} has no request that waits for a decision."
    zh: ClassVar[str] = "组织 {organisation_id} 没有待审核的认证申请。"


class OwnVerificationError(DomainError):
    code: ClassVar[str] = "own-verification"
    kind: ClassVar[ErrorKind] = ErrorKind.FORBIDDEN
    en: ClassVar[str] = "You are a member of organisation {organisation_id}; let another decide."
    zh: ClassVar[str] = "您是组织 {organisation_id} 的成员；请由其他管理员审核。"


def change_organisation(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    changes: Mapping[str, Any],
    version: str | None = None,
) -> Organisation:
    """Change names or credit code; what was verified, or waits for it, is unverified after.

    Args:
        session: whose transaction acts for the organisation.
        clock: tells when.
        organisation_id: which.
        changes: any of ``name``, ``name_zh``, ``uscc``.
        version: what the caller thinks it is now; ``None``: it does not say.

    Raises:
        OrganisationStaleError: it is not ``version`` any more.
        InvalidUsccError, UsccTakenError: as they say.
    """
    known = _locked(session, organisation_id)
    if version is not None and version != known.version:
        raise OrganisationStaleError
    uscc = changes.get("uscc")
    wanted = dict(changes) | ({} if uscc is None else {"uscc": normal_uscc(uscc)})
    changed = replace(known, **wanted)
    if changed == known:
        return known
    changed = replace(changed, verification=Verification.UNVERIFIED)
    if not organisations.update_organisation(session, changed):
        raise UsccTakenError(uscc=changed.uscc)
    if known.verification is Verification.PENDING:
        store.withdraw_pending(session, organisation_id)
    _tell(session, clock, known, changed)
    return changed


def request_verification(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    person_id: PersonId,
    document_ids: Sequence[UUID] = (),
) -> VerificationRequest:
    """Ask for the organisation's name and credit code to be vouched for.

    Raises:
        UsccMissingError: there is nothing to compare.
        VerificationPendingError, VerifiedAlreadyError: there is nothing to ask.
        EvidenceNotFoundError: a document is not the organisation's, or is no evidence.
    """
    known = _locked(session, organisation_id)
    if known.verification is Verification.PENDING:
        raise VerificationPendingError
    if known.verification is Verification.VERIFIED:
        raise VerifiedAlreadyError
    if known.uscc is None:
        raise UsccMissingError
    missing = set(document_ids) - store.evidence(session, organisation_id, set(document_ids))
    if missing:
        raise EvidenceNotFoundError(missing=", ".join(sorted(map(str, missing))))
    request = VerificationRequest(
        id=clock.new_id(),
        organisation_id=organisation_id,
        name=known.name,
        name_zh=known.name_zh,
        uscc=known.uscc,
        document_ids=tuple(dict.fromkeys(document_ids)),
        requested_by=person_id,
        requested_at=clock.now(),
    )
    store.insert_request(session, request)
    pending = replace(known, verification=Verification.PENDING)
    organisations.update_organisation(session, pending)
    note(session, subject_kind="verification", subject_id=request.id, after=request)
    _tell(session, clock, known, pending)
    return request


def latest_verification(
    *, session: Session, organisation_id: OrganisationId
) -> VerificationRequest:
    """The newest request of the organisation, decided or not.

    Raises:
        VerificationNotFoundError: it never asked.
    """
    found = store.latest(session, organisation_id)
    if found is None:
        raise VerificationNotFoundError
    return found


def list_verifications(
    *, session: Session, after: UUID | None, limit: int, state: RequestState
) -> list[VerificationRequest]:
    """A page of everybody's requests by id, the oldest first."""
    return store.requests_after(session, after=after, limit=limit, state=state)


def decide_verification(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    person_id: PersonId,
    approve: bool,
    reason: str,
) -> VerificationRequest:
    """Vouch for an organisation, or say why not.

    Raises:
        OrganisationNotFoundError: no such organisation.
        OwnVerificationError: whoever decides is its member.
        VerificationNotPendingError: it did not ask, changed since, or was decided meanwhile.
    """
    get_organisation(session=session, organisation_id=organisation_id)
    if people.membership(session, organisation_id, person_id) is not None:
        raise OwnVerificationError(organisation_id=organisation_id)
    known = organisations.lock_organisation(session, organisation_id)
    request = store.lock_pending(session, organisation_id)
    if known is None or request is None:
        raise VerificationNotPendingError(organisation_id=organisation_id)
    decided = replace(
        request,
        state=RequestState.VERIFIED if approve else RequestState.REJECTED,
        decided_by=person_id,
        decided_at=clock.now(),
        reason=reason,
    )
    store.update_request(session, decided)
    changed = replace(known, verification=Verification(decided.state.value))
    organisations.update_organisation(session, changed)
    note(
        session,
        subject_kind="verification",
        subject_id=request.id,
        before=request,
        after=decided,
        organisation_id=organisation_id,
    )
    _tell(session, clock, known, changed)
    return decided


def _locked(session: Session, organisation_id: OrganisationId) -> Organisation:
    known = organisations.lock_organisation(session, organisation_id)
    if known is None:
        raise OrganisationNotFoundError(organisation_id=organisation_id)
    return known


def _tell(session: Session, clock: Clock, before: Organisation, after: Organisation) -> None:
    now = clock.now()
    changed = OrganisationChanged(
        id=clock.new_id(),
        occurred_at=now,
        organisation_id=after.id,
        verification=after.verification.value,
        audience=Audience(organisation_ids=(after.id,), visibility="public"),
    )
    emit(session, changed, now=now)
    note(
        session,
        subject_kind="organisation",
        subject_id=after.id,
        before=before,
        after=after,
        organisation_id=after.id,
    )
