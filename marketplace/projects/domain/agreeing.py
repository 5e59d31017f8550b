"""What all members must accept: stakes (股权份额), terms of intellectual property (知识产权)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OrganisationId


class AgreementOverError(DomainError):
    code: ClassVar[str] = "project-agreement-over"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Proposal {agreement_id} is {state}; only an open one is answered."
    zh: ClassVar[str] = "提案 {agreement_id} 已为 {state}，无法再表态。"


class AgreementKind(StrEnum):
    STAKES = "stakes"
    """份额变更, among them the leaving of a member."""
    IP_TERMS = "ip_terms"
    """知识产权约定."""


class AgreementState(StrEnum):
    PROPOSED = "proposed"
    IN_FORCE = "in_force"
    REFUSED = "refused"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class Agreement:
    """Version ``number`` of its kind, proposed by ``organisation_id``; its text never changes.

    ``parts``: stakes, or shares in what comes out (foreground, 前景知识产权), of ``WHOLE``.
    ``document``: for terms, background (背景知识产权) and licence back (回授许可).
    """

    id: UUID
    project_id: UUID
    organisation_id: OrganisationId
    kind: AgreementKind
    number: int
    parts: dict[OrganisationId, int]
    document: dict[str, Any]
    leaver_id: OrganisationId | None
    state: AgreementState
    created_at: datetime
    decided_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Consent:
    """What a member said to a proposal, once."""

    id: UUID
    project_id: UUID
    agreement_id: UUID
    organisation_id: OrganisationId
    person_id: UUID | None
    accepts: bool
    at: datetime


def check_proposed(agreement: Agreement) -> None:
    """Let an open proposal pass.

    Raises:
        AgreementOverError: it is decided.
    """
    if agreement.state is not AgreementState.PROPOSED:
        raise AgreementOverError(agreement_id=agreement.id, state=agreement.state)


def verdict(joined: Collection[OrganisationId], consents: Collection[Consent]) -> AgreementState:
    """One refusal ends it; it is in force once everybody who has joined accepts."""
    if any(not consent.accepts for consent in consents):
        return AgreementState.REFUSED
    accepting = {consent.organisation_id for consent in consents}
    return AgreementState.IN_FORCE if set(joined) <= accepting else AgreementState.PROPOSED
