"""An OpenID provider (OpenID Connect Core 1.0): where to send a browser, what its answer proves.

Authlib writes the OAuth 2.0 request with PKCE (RFC 7636), joserfc checks the ID token. Authlib's
own client is not used: it asks for another HTTP library than the platform has.
"""

import threading
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple
from urllib.parse import quote_plus

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from services.contracts.deferred import Deferred
from services.contracts.errors import DomainError, ErrorKind
from services.runtime.clock import Clock

if TYPE_CHECKING:
    import httpx
    from authlib.oauth2 import rfc7636
    from authlib.oauth2.rfc6749 import parameters
    from joserfc import errors, jwk, jwt
else:
    httpx = Deferred("httpx")
    rfc7636 = Deferred("authlib.oauth2.rfc7636")
    parameters = Deferred("authlib.oauth2.rfc6749.parameters")
    errors = Deferred("joserfc.errors")
    jwk = Deferred("joserfc.jwk")
    jwt = Deferred("joserfc.jwt")

TIMEOUT_S: Final = 5.0
METADATA_LASTS_S: Final = 3_600.0
LEEWAY_S: Final = 60
SCOPE: Final = "openid email profile"
ALGORITHMS: Final = ["RS256", "PS256", "ES256", "EdDSA", "Ed25519"]
"""Asymmetric ones only: with the provider's public key as a secret anybody could sign."""
DISCOVERY: Final = "/.well-known/openid-configuration"


class OpenIdUnavailableError(DomainError):
    code: ClassVar[str] = "openid-unavailable"
    kind: ClassVar[ErrorKind] = ErrorKind.UNAVAILABLE
    en: ClassVar[str] = "The sign-in provider {issuer} cannot be reached; try again shortly."
    zh: ClassVar[str] = "无法连接登录服务 {issuer}；请稍后重试。"


class OpenIdRefusedError(DomainError):
    code: ClassVar[str] = "openid-refused"
    kind: ClassVar[ErrorKind] = ErrorKind.UNAUTHENTICATED
    en: ClassVar[str] = "The sign-in provider's answer was not accepted: {why} Begin again."
    zh: ClassVar[str] = "登录服务的应答未被接受；请重新登录。"


class Metadata(BaseModel):
    """What discovery tells (OpenID Connect Discovery 1.0 §3)."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str


class Claims(BaseModel):
    """What an ID token says of somebody (OpenID Connect Core §5.1)."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    sub: str
    email: str | None = None
    email_verified: bool = False
    name: str | None = None
    locale: str | None = None


class _Token(BaseModel):
    """What the token endpoint gives, as far as it is read."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id_token: str


class _Known(NamedTuple):
    metadata: Metadata
    keys: "jwk.KeySet"
    until: float


@dataclass(frozen=True, slots=True)
class Begun:
    """What one sign-in at the provider is bound to."""

    state: str
    nonce: str
    verifier: str
    redirect_uri: str


class OpenIdProvider:
    """One provider; one per process. Its metadata and keys are asked for once an hour."""

    def __init__(self, *, issuer: str, client_id: str, secret: SecretStr | None) -> None:
        self.issuer = issuer.rstrip("/")
        self._client_id = client_id
        self._secret = secret
        self._lock = threading.Lock()
        self._known: _Known | None = None

    def authorization_url(self, begun: Begun) -> str:
        """Where the browser goes to sign in.

        Raises:
            OpenIdUnavailableError: the provider cannot be asked.
        """
        return str(
            parameters.prepare_grant_uri(
                self._ask().metadata.authorization_endpoint,
                client_id=self._client_id,
                response_type="code",
                redirect_uri=begun.redirect_uri,
                scope=SCOPE,
                state=begun.state,
                nonce=begun.nonce,
                code_challenge=rfc7636.create_s256_code_challenge(begun.verifier),
                code_challenge_method="S256",
            )
        )

    def claims(self, begun: Begun, code: str, clock: Clock) -> Claims:
        """Whom the provider means by ``code``.

        Raises:
            OpenIdUnavailableError: the provider cannot be asked.
            OpenIdRefusedError: it refuses the code, or its token proves nothing to us.
        """
        known = self._ask()
        try:
            answer = self._exchanged(known.metadata.token_endpoint, begun, code)
        except httpx.HTTPError as error:
            raise OpenIdUnavailableError(issuer=self.issuer) from error
        if answer.is_server_error:
            raise OpenIdUnavailableError(issuer=self.issuer)
        if not answer.is_success:
            raise OpenIdRefusedError(why=f"it answers {answer.status_code} to the code.")
        try:
            token = _Token.model_validate_json(answer.content).id_token
        except ValidationError as error:
            raise OpenIdRefusedError(why="it gives no ID token.") from error
        return self._verified(token, known, begun, clock)

    def _exchanged(self, endpoint: str, begun: Begun, code: str) -> "httpx.Response":
        """The code for tokens (RFC 6749 §4.1.3); a client with a secret says it by HTTP Basic."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": begun.redirect_uri,
            "code_verifier": begun.verifier,
        }
        secret = self._secret
        with httpx.Client(timeout=TIMEOUT_S, trust_env=False) as client:
            if secret is None:
                return client.post(endpoint, data=form | {"client_id": self._client_id})
            auth = _basic(self._client_id, secret.get_secret_value())
            return client.post(endpoint, data=form, auth=auth)

    def _verified(self, token: str, known: _Known, begun: Begun, clock: Clock) -> Claims:
        registry = jwt.JWTClaimsRegistry(
            now=lambda: int(clock.now().timestamp()),
            leeway=LEEWAY_S,
            iss={"essential": True, "value": known.metadata.issuer},
            aud={"essential": True, "value": self._client_id},
            exp={"essential": True},
            nonce={"essential": True, "value": begun.nonce},
        )
        try:
            decoded = jwt.decode(token, known.keys, algorithms=ALGORITHMS)
            registry.validate(decoded.claims)
            return Claims.model_validate(decoded.claims)
        except (errors.JoseError, ValueError, ValidationError) as error:
            self._known = None  # its keys may have changed
            raise OpenIdRefusedError(why=f"{type(error).__name__}.") from error

    def _ask(self) -> _Known:
        with self._lock:
            if self._known is None or monotonic() >= self._known.until:
                self._known = self._discovered()
            return self._known

    def _discovered(self) -> _Known:
        try:
            with httpx.Client(timeout=TIMEOUT_S, trust_env=False) as client:
                metadata = Metadata.model_validate(_json(client, self.issuer + DISCOVERY))
                keys = jwk.KeySet.import_key_set(_json(client, metadata.jwks_uri))
        except (httpx.HTTPError, ValueError, errors.JoseError) as error:
            raise OpenIdUnavailableError(issuer=self.issuer) from error
        if metadata.issuer.rstrip("/") != self.issuer:
            raise OpenIdUnavailableError(issuer=self.issuer)
        return _Known(metadata, keys, monotonic() + METADATA_LASTS_S)


def _basic(client_id: str, secret: str) -> "httpx.BasicAuth":
    """Both are form-encoded first (RFC 6749 §2.3.1)."""
    return httpx.BasicAuth(quote_plus(client_id), quote_plus(secret))


def _json(client: "httpx.Client", url: str) -> Any:
    return client.get(url).raise_for_status().json()
