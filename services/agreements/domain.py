"""A confidentiality agreement: its parties, its reach, its life. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Final
from uuid import UUID

from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OrganisationId

LASTS_AT_MOST: Final = timedelta(days=3660)
TERMS_HASH_PATTERN: Final = r"^[0-9a-f]{64}$"


class SubjectKind(StrEnum):
    """What an agreement may be about, if not about everything."""

    DOCUMENT = "document"
    RESOURCE = "resource"
    OFFER = "offer"
    DEMAND = "demand"
    BOOKING = "booking"
    LIBRARY_ITEM = "library_item"


class NdaState(StrEnum):
    PROPOSED = "proposed"
    IN_FORCE = "in_force"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Subject:
    kind: str
    id: UUID


@dataclass(frozen=True, slots=True)
class Signature:
    at: datetime
    by: UUID


@dataclass(frozen=True, slots=True)
class Nda:
    """``organisation_id`` owns what is confided; ``subject`` ``None``: all of it."""

    id: UUID
    organisation_id: OrganisationId
    counterparty_id: OrganisationId
    proposed_by: OrganisationId
    subject: Subject | None
    terms_hash: bytes
    created_at: datetime
    expires_at: datetime
    owner_signature: Signature | None
    counterparty_signature: Signature | None
    revocation: Signature | None

    def state(self, now: datetime) -> NdaState:
        if self.revocation is not None:
            return NdaState.REVOKED
        if self.expires_at <= now:
            return NdaState.EXPIRED
        signed = self.owner_signature is not None and self.counterparty_signature is not None
        return NdaState.IN_FORCE if signed else NdaState.PROPOSED


class NotTwoPartiesError(DomainError):
    code: ClassVar[str] = "nda-with-oneself"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "An agreement needs two organisations; name another one than your own."
    zh: ClassVar[str] = "协议需要两个组织；请指定本组织以外的组织。"


class NdaTermError(DomainError):
    code: ClassVar[str] = "nda-term"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "The agreement cannot end at {expires_at}; choose a time within 10 years."
    zh: ClassVar[str] = "协议不能于 {expires_at} 到期；请选择未来十年内的时间。"


class NdaOverError(DomainError):
    code: ClassVar[str] = "nda-over"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "The agreement {nda_id} is {state}; propose a new one."
    zh: ClassVar[str] = "协议 {nda_id} 状态为 {state}；请重新提出。"


class TermsDifferError(DomainError):
    code: ClassVar[str] = "nda-terms-differ"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "The terms you sign are not those proposed; read those of the agreement."
    zh: ClassVar[str] = "您签署的条款与提出的条款不一致；请核对协议条款。"


def check_proposal(
    *,
    organisation_id: OrganisationId,
    counterparty_id: OrganisationId,
    expires_at: datetime,
    now: datetime,
) -> None:
    """Refuse an agreement that could not hold.

    Raises:
        NotTwoPartiesError, NdaTermError: which and why.
    """
    if organisation_id == counterparty_id:
        raise NotTwoPartiesError
    if not now < expires_at <= now + LASTS_AT_MOST:
        raise NdaTermError(expires_at=expires_at.isoformat())


def check_signing(nda: Nda, *, terms_hash: bytes, now: datetime) -> None:
    """Refuse to sign what is over, or something else than was proposed.

    Raises:
        NdaOverError, TermsDifferError: which and why.
    """
    state = nda.state(now)
    if state in {NdaState.EXPIRED, NdaState.REVOKED}:
        raise NdaOverError(nda_id=nda.id, state=state.value)
    if terms_hash != nda.terms_hash:
        raise TermsDifferError
