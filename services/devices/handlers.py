"""Use cases of gateways' credentials: enrol, redeem, admit to the broker, revoke."""

import secrets
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, ClassVar
from uuid import UUID

from sqlmodel import Session

from services.contracts.access import Principal
from services.contracts.confidentiality import SECRET
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.events.devices import GatewayCredentialRevoked
from services.contracts.ids import GatewayId, OrganisationId
from services.contracts.policies import Action
from services.devices import store
from services.devices.domain import (
    CODE_BYTES,
    ENROLMENT_LASTS,
    ENROLMENTS_OPEN_MAX,
    SECRET_BYTES,
    Credential,
    Enrolment,
    Permissions,
    Refusal,
    admission_ends,
    code_hash,
    code_text,
    permissions,
    presented_gateway,
    secret_hash,
    secret_text,
)
from services.identity import handlers as identity
from services.runtime.audit.recording import note
from services.runtime.clock import Clock
from services.runtime.outbox import emit
from services.runtime.tenancy import bind, principal_of


class TooManyEnrolmentsError(DomainError):
    code: ClassVar[str] = "too-many-enrolments"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "Gateway {gateway_id} has {open} enrolment codes that nobody has used; use one, or wait"
        " until they expire."
    )
    zh: ClassVar[str] = "网关 {gateway_id} 已有 {open} 个未使用的注册码；请使用其一，或等待其过期。"


class EnrolmentCodeUnknownError(DomainError):
    code: ClassVar[str] = "enrolment-code-unknown"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = (
        "This enrolment code is none of ours; check its 24 characters, or ask for a new one."
    )
    zh: ClassVar[str] = "注册码无效；请核对其 24 个字符，或申请新的注册码。"


class EnrolmentCodeSpentError(DomainError):
    code: ClassVar[str] = "enrolment-code-spent"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "This enrolment code was used at {redeemed_at}; if not by you, revoke the credential it"
        " gave, then ask for a new code."
    )
    zh: ClassVar[str] = (
        "注册码已于 {redeemed_at} 使用；若非本人操作，请撤销由其获得的凭证，并申请新的注册码。"
    )


class EnrolmentCodeExpiredError(DomainError):
    code: ClassVar[str] = "enrolment-code-expired"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "This enrolment code expired at {expires_at}; ask for a new one."
    zh: ClassVar[str] = "注册码已于 {expires_at} 过期；请申请新的注册码。"


class CredentialNotFoundError(DomainError):
    code: ClassVar[str] = "gateway-credential-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = (
        "Gateway {gateway_id} has no credential {credential_id}; list its credentials."
    )
    zh: ClassVar[str] = "网关 {gateway_id} 没有凭证 {credential_id}；请查看其凭证列表。"


@dataclass(frozen=True, slots=True)
class Issued:
    """An enrolment and its code, which is shown this once."""

    enrolment: Enrolment
    code: Annotated[str, SECRET] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Redeemed:
    """A new credential, its secret, and where on the broker its gateway stands."""

    credential: Credential
    group: str
    edge_node: str
    secret: Annotated[str, SECRET] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Admission:
    """A gateway let onto the broker, until ``ends_at``."""

    gateway_id: GatewayId
    credential_id: UUID
    permissions: Permissions
    ends_at: datetime


def create_enrolment(
    *, session: Session, clock: Clock, organisation_id: OrganisationId, gateway_id: GatewayId
) -> Issued:
    """A code by which whoever stands at the gateway fetches its credential, once, within an hour.

    Raises:
        GatewayNotFoundError: the organisation has no such gateway.
        TooManyEnrolmentsError: enough codes of it wait already.
    """
    identity.get_gateway(session=session, organisation_id=organisation_id, gateway_id=gateway_id)
    now = clock.now()
    waiting = store.open_enrolments(session, gateway_id, now=now)
    if waiting >= ENROLMENTS_OPEN_MAX:
        raise TooManyEnrolmentsError(gateway_id=gateway_id, open=waiting)
    enrolment = Enrolment(
        id=clock.new_id(),
        organisation_id=organisation_id,
        gateway_id=gateway_id,
        created_at=now,
        created_by=principal_of(session).id,
        expires_at=now + ENROLMENT_LASTS,
        redeemed_at=None,
    )
    code = code_text(secrets.token_bytes(CODE_BYTES))
    hashed = code_hash(code)
    assert hashed is not None
    store.insert_enrolment(session, enrolment, hashed)
    note(session, subject_kind="gateway_enrolment", subject_id=enrolment.id, after=enrolment)
    return Issued(enrolment, code)


def redeem(*, session: Session, clock: Clock, code: str) -> Redeemed:
    """Exchange an enrolment code for a credential; from here on the code is spent.

    The code speaks for its organisation: the transaction works for that, and for nothing else.

    Raises:
        EnrolmentCodeUnknownError: no such code.
        EnrolmentCodeSpentError: somebody redeemed it.
        EnrolmentCodeExpiredError: too late.
    """
    hashed = code_hash(code)
    if hashed is None:
        raise EnrolmentCodeUnknownError
    bind(session, Principal(), credential=hashed)
    enrolment = store.enrolment_of_code(session, hashed)
    now = clock.now()
    _refuse_unless_open(enrolment, now)
    assert enrolment is not None
    bind(session, Principal(organisation_id=enrolment.organisation_id))
    store.mark_redeemed(session, enrolment.id, now=now)
    credential = Credential(
        id=clock.new_id(),
        organisation_id=enrolment.organisation_id,
        gateway_id=enrolment.gateway_id,
        created_at=now,
        last_used_at=None,
        revoked_at=None,
    )
    secret = secret_text(secrets.token_bytes(SECRET_BYTES))
    stored = secret_hash(secret)
    assert stored is not None
    store.insert_credential(session, credential, stored)
    note(session, subject_kind="gateway_credential", subject_id=credential.id, after=credential)
    group, edge_node = _place(session, credential)
    return Redeemed(credential, group, edge_node, secret)


def list_credentials(
    *,
    session: Session,
    organisation_id: OrganisationId,
    gateway_id: GatewayId,
    after: UUID | None,
    limit: int,
) -> list[Credential]:
    """Credentials of a gateway by id, the revoked too.

    Raises:
        GatewayNotFoundError: the organisation has no such gateway.
    """
    identity.get_gateway(session=session, organisation_id=organisation_id, gateway_id=gateway_id)
    return store.credentials_after(
        session,
        organisation_id=organisation_id,
        gateway_id=gateway_id,
        after=after,
        limit=limit,
    )


def revoke_credential(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    gateway_id: GatewayId,
    credential_id: UUID,
) -> Credential:
    """Take a credential back; a connection made with it is cut. A second time changes nothing.

    Raises:
        GatewayNotFoundError: the organisation has no such gateway.
        CredentialNotFoundError: the gateway has no such credential.
    """
    identity.get_gateway(session=session, organisation_id=organisation_id, gateway_id=gateway_id)
    now = clock.now()
    found = store.credential(
        session,
        organisation_id=organisation_id,
        gateway_id=gateway_id,
        credential_id=credential_id,
    )
    if found is None:
        raise CredentialNotFoundError(gateway_id=gateway_id, credential_id=credential_id)
    if store.revoke(session, credential_id, now=now):
        _tell_revoked(session, clock, found, credential_id)
    current = store.credential(
        session,
        organisation_id=organisation_id,
        gateway_id=gateway_id,
        credential_id=credential_id,
    )
    assert current is not None
    return current


def admit(
    *,
    session: Session,
    clock: Clock,
    connection_type: str,
    client_id: str,
    username: str,
    password: str,
) -> Admission | Refusal:
    """Whether somebody is let onto the broker, and as which gateway.

    The first use of a credential revokes those the gateway had before: renewing one needs no
    second step, and is safe to repeat until it has worked.
    """
    claimed = presented_gateway(
        connection_type=connection_type,
        client_id=client_id,
        username=username,
        password=password,
    )
    if isinstance(claimed, Refusal):
        return claimed
    gateway_id, hashed = claimed
    credential = store.credential_of_secret(session, hashed)
    if credential is None or credential.gateway_id != gateway_id:
        return Refusal.UNKNOWN
    if credential.revoked_at is not None:
        return Refusal.REVOKED
    now = clock.now()
    store.mark_used(session, credential.id, now=now)
    if credential.last_used_at is None:
        for replaced in store.revoke_before(session, credential, now=now):
            _tell_revoked(session, clock, credential, replaced)
    group, edge_node = _place(session, credential)
    return Admission(
        gateway_id=gateway_id,
        credential_id=credential.id,
        permissions=permissions(group=group, edge_node=edge_node),
        ends_at=admission_ends(now=now, credential_id=credential.id),
    )


def holding(*, session: Session, credential_ids: Collection[UUID]) -> set[UUID]:
    """Those of the credentials that still hold; connections of the others are to be cut."""
    return store.holding(session, credential_ids)


def _refuse_unless_open(enrolment: Enrolment | None, now: datetime) -> None:
    if enrolment is None:
        raise EnrolmentCodeUnknownError
    if enrolment.redeemed_at is not None:
        raise EnrolmentCodeSpentError(redeemed_at=enrolment.redeemed_at.isoformat())
    if now >= enrolment.expires_at:
        raise EnrolmentCodeExpiredError(expires_at=enrolment.expires_at.isoformat())


def _place(session: Session, credential: Credential) -> tuple[str, str]:
    """Sparkplug group and edge node of the credential's gateway."""
    gateway = identity.get_gateway(
        session=session,
        organisation_id=credential.organisation_id,
        gateway_id=credential.gateway_id,
    )
    return identity.get_site(session=session, site_id=gateway.site_id).code, gateway.edge_node


def _tell_revoked(session: Session, clock: Clock, credential: Credential, revoked_id: UUID) -> None:
    now = clock.now()
    note(
        session,
        subject_kind="gateway_credential",
        subject_id=revoked_id,
        before={"revoked_at": None},
        after={"revoked_at": now},
        organisation_id=credential.organisation_id,
        action=Action.GATEWAY_CREDENTIAL_REVOKE,
    )
    event = GatewayCredentialRevoked(
        id=clock.new_id(),
        occurred_at=now,
        organisation_id=credential.organisation_id,
        gateway_id=credential.gateway_id,
        credential_id=revoked_id,
    )
    emit(session, event, now=now)
