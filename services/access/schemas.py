"""What the API says about sessions, passwords, second factors and API keys."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, SecretStr

from services.access.domain.credentials import KEY_LASTS_MAX, ApiKey, SignedIn
from services.access.domain.passkey import Passkey
from services.access.handlers.factors import Held
from services.access.handlers.signing_in import NewOrganisation
from services.contracts.access import PrincipalKind, Role
from services.contracts.confidentiality import SECRET
from services.contracts.documents import Document
from services.identity.domain import NAME_MAX, Membership, OrganisationKind, Person

SECRET_TEXT_MAX = 1_000
EMAIL_MAX = 320

Email = Annotated[str, Field(min_length=3, max_length=EMAIL_MAX, examples=["lin@example.com"])]
Password = Annotated[SecretStr, Field(min_length=1, max_length=SECRET_TEXT_MAX)]
Name = Annotated[str, Field(min_length=1, max_length=NAME_MAX)]
Code = Annotated[
    SecretStr,
    Field(min_length=1, max_length=64, description="six digits of the app, or a recovery code"),
]
TicketText = Annotated[SecretStr, Field(min_length=1, max_length=100)]
Told = Annotated[str, SECRET]


class OrganisationIn(Document):
    name: Name
    name_zh: Name
    kind: OrganisationKind = OrganisationKind.FIRM
    uscc: str | None = Field(default=None, max_length=40, description="统一社会信用代码, GB 32100")

    def facts(self) -> NewOrganisation:
        return NewOrganisation(self.name, self.name_zh, self.kind, self.uscc)


class SignUpIn(Document):
    email: Email
    password: Password
    name: Name
    locale: Literal["zh", "en"] = "zh"
    organisation: OrganisationIn | None = Field(
        default=None, description="the one you will own; leave out when you were invited to another"
    )


class SignInIn(Document):
    email: Email
    password: Password
    code: Code | None = None


class PersonOut(Document):
    id: UUID
    email: str
    name: str
    locale: str

    @classmethod
    def of(cls, person: Person) -> "PersonOut":
        return cls(id=person.id, email=person.email, name=person.name, locale=person.locale)


class MembershipOut(Document):
    organisation_id: UUID
    roles: list[Role]

    @classmethod
    def of(cls, membership: Membership) -> "MembershipOut":
        return cls(organisation_id=membership.organisation_id, roles=sorted(membership.roles))


class FactorsOut(Document):
    totp: bool
    passkeys: int
    recovery_codes: int

    @classmethod
    def of(cls, held: Held) -> "FactorsOut":
        return cls(totp=held.totp, passkeys=held.passkeys, recovery_codes=held.recovery_codes)


class WhoAmIOut(Document):
    """Who asks, for which organisation, with which roles there."""

    kind: PrincipalKind
    id: UUID
    credential_id: UUID
    organisation_id: UUID | None
    roles: list[Role]
    strong: bool = Field(description="a second factor was proven")
    person: PersonOut | None
    memberships: list[MembershipOut]
    second_factors: FactorsOut | None


class SessionOpenedOut(Document):
    session_id: UUID
    person_id: UUID
    organisation_id: UUID | None
    strong: bool
    expires_at: datetime
    token: Told | None = Field(
        description="for programs: `Authorization: Bearer …`; browsers get a cookie instead"
    )


class ActingIn(Document):
    organisation_id: UUID


class SessionOut(Document):
    id: UUID
    organisation_id: UUID | None
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    strong: bool
    client: str = Field(description="the User-Agent it was opened with")
    current: bool

    @classmethod
    def of(cls, signed_in: SignedIn, *, current: UUID | None, now: datetime) -> "SessionOut":
        return cls(
            id=signed_in.id,
            organisation_id=signed_in.organisation_id,
            created_at=signed_in.created_at,
            last_seen_at=signed_in.last_seen_at,
            expires_at=signed_in.expires_at,
            strong=signed_in.is_strong(now),
            client=signed_in.client,
            current=signed_in.id == current,
        )


class SessionsOut(Document):
    items: list[SessionOut]


class PasswordIn(Document):
    current: Password
    new: Password


class ResetAskIn(Document):
    email: Email


class ResetIn(Document):
    token: TicketText
    new: Password


class ApiKeyIn(Document):
    name: Name
    roles: list[Role] | None = Field(
        default=None, min_length=1, description="narrower than the account's; left out: all of them"
    )
    days: int = Field(default=90, ge=1, le=KEY_LASTS_MAX.days)

    @property
    def lasts(self) -> timedelta:
        return timedelta(days=self.days)


class ApiKeyOut(Document):
    id: UUID
    service_account_id: UUID
    name: str
    roles: list[Role]
    created_at: datetime
    created_by: UUID
    expires_at: datetime
    revoked_at: datetime | None
    last_used_at: datetime | None = Field(description="to the minute")

    @classmethod
    def of(cls, key: ApiKey) -> "ApiKeyOut":
        return cls(**_facts(key))


class ApiKeyMadeOut(ApiKeyOut):
    token: Told = Field(description="shown this once; send it as `Authorization: Bearer …`")

    @classmethod
    def made(cls, key: ApiKey, token: str) -> "ApiKeyMadeOut":
        return cls(**_facts(key), token=token)


class ReproofIn(Document):
    password: Password | None = Field(
        default=None, description="needed for the first second factor of an account with a password"
    )


class TotpOut(Document):
    secret: Told = Field(description="shown this once; for typing")
    uri: Told = Field(description="otpauth://…, for scanning")


class CodeIn(Document):
    code: Code


class RecoveryCodesOut(Document):
    recovery_codes: Annotated[list[str], SECRET] = Field(
        description="shown this once; each good once"
    )


class TotpConfirmedOut(Document):
    session: SessionOpenedOut
    recovery_codes: Annotated[list[str], SECRET] = Field(
        description="shown this once; each good once"
    )


class CeremonyOut(Document):
    ticket: Told = Field(description="send it back with the browser's answer, within five minutes")
    options: dict[str, Any] = Field(description="`publicKey` of WebAuthn, bytes as base64url")


class PasskeyIn(Document):
    ticket: TicketText
    name: Name
    credential: dict[str, Any] = Field(description="PublicKeyCredential.toJSON()")


class PasskeyProofIn(Document):
    ticket: TicketText
    credential: dict[str, Any] = Field(description="PublicKeyCredential.toJSON()")


class PasskeyOut(Document):
    id: UUID
    name: str
    created_at: datetime
    last_used_at: datetime | None

    @classmethod
    def of(cls, passkey: Passkey) -> "PasskeyOut":
        return cls(
            id=passkey.id,
            name=passkey.name,
            created_at=passkey.created_at,
            last_used_at=passkey.last_used_at,
        )


class PasskeysOut(Document):
    items: list[PasskeyOut]


class PasskeyAddedOut(Document):
    session: SessionOpenedOut
    passkey: PasskeyOut


class OutsideSignInOut(Document):
    url: str


def _facts(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "service_account_id": key.service_account_id,
        "name": key.name,
        "roles": sorted(key.roles),
        "created_at": key.created_at,
        "created_by": key.created_by,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
        "last_used_at": key.last_used_at,
    }
