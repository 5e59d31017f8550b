"""What the API says about enrolments and gateways' credentials."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field

from services.contracts.confidentiality import SECRET
from services.contracts.documents import Document
from services.devices.domain import HOST_ID, Credential
from services.devices.handlers import Issued, Redeemed

CODE_CHARACTERS_MAX = 64


class EnrolmentIssued(Document):
    """A code that fetches the gateway's credential, once; it is shown only here."""

    id: UUID
    gateway_id: UUID
    code: Annotated[str, SECRET]
    expires_at: datetime

    @classmethod
    def of(cls, issued: Issued) -> Self:
        return cls(
            id=issued.enrolment.id,
            gateway_id=issued.enrolment.gateway_id,
            code=issued.code,
            expires_at=issued.enrolment.expires_at,
        )


class EnrolmentRedeem(Document):
    code: Annotated[str, SECRET, Field(min_length=1, max_length=CODE_CHARACTERS_MAX)]


class CredentialIssued(Document):
    """What the gateway keeps: user name and MQTT client id are ``gateway_id``."""

    gateway_id: UUID
    credential_id: UUID
    secret: Annotated[str, SECRET]
    group: str
    edge_node: str
    host_id: str

    @classmethod
    def of(cls, redeemed: Redeemed) -> Self:
        return cls(
            gateway_id=redeemed.credential.gateway_id,
            credential_id=redeemed.credential.id,
            secret=redeemed.secret,
            group=redeemed.group,
            edge_node=redeemed.edge_node,
            host_id=HOST_ID,
        )


class CredentialRead(Document):
    id: UUID
    gateway_id: UUID
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None

    @classmethod
    def of(cls, credential: Credential) -> Self:
        return cls(
            id=credential.id,
            gateway_id=credential.gateway_id,
            created_at=credential.created_at,
            last_used_at=credential.last_used_at,
            revoked_at=credential.revoked_at,
        )
