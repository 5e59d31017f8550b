"""Everything a door needs to sign people in, built once and carried in ``app.state.access``."""

from dataclasses import dataclass
from typing import ClassVar

from services.access.handlers.attempts import Tries
from services.access.handlers.authentication import Authenticator
from services.access.handlers.limiting import RequestLimit
from services.access.handlers.notifying import FileNotifier, Notifier
from services.access.handlers.provider import OpenIdProvider
from services.access.handlers.verifying import PasswordVerifier
from services.contracts.errors import DomainError, ErrorKind
from services.runtime.clock import Clock
from services.runtime.db import Sessions
from services.runtime.settings import Settings

MAIL_FOLDER = "messages"


class OpenIdIncompleteError(DomainError):
    code: ClassVar[str] = "openid-incomplete"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "NONAGON_OIDC_ISSUER is set but NONAGON_OIDC_CLIENT_ID is not; set both."
    zh: ClassVar[str] = "已设置 NONAGON_OIDC_ISSUER，但未设置 NONAGON_OIDC_CLIENT_ID；请同时设置。"


@dataclass(frozen=True, slots=True)
class Access:
    sessions: Sessions
    clock: Clock
    verifier: PasswordVerifier
    notifier: Notifier
    authenticator: Authenticator
    tries: Tries
    addresses: RequestLimit
    organisations: RequestLimit
    openid: OpenIdProvider | None = None


def build_access(*, settings: Settings, sessions: Sessions, clock: Clock) -> Access:
    return Access(
        sessions=sessions,
        clock=clock,
        verifier=PasswordVerifier(),
        notifier=FileNotifier(settings.state_path / MAIL_FOLDER),
        authenticator=Authenticator(sessions=sessions, clock=clock),
        tries=Tries(sessions=sessions, clock=clock),
        addresses=RequestLimit(settings.sign_in_per_minute),
        organisations=RequestLimit(settings.requests_per_minute, exact=False),
        openid=_openid(settings),
    )


def _openid(settings: Settings) -> OpenIdProvider | None:
    """The provider of the settings.

    Raises:
        OpenIdIncompleteError: an issuer without a client id.
    """
    if settings.oidc_issuer is None:
        return None
    if settings.oidc_client_id is None:
        raise OpenIdIncompleteError
    return OpenIdProvider(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        secret=settings.oidc_client_secret,
    )
