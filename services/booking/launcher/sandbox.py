"""The launcher of this platform: a signed token in the address the provider gave.

The token is a JWT (RFC 7519) signed with Ed25519 (RFC 9864): ``jti`` the launch, ``sub`` the
booking, ``aud`` the resource, ``seat``, ``nbf`` and ``exp`` of the link, ``until`` the end of the
slot. A sandbox: it opens no session in anybody's licence server.
"""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from services.booking.domain.launching import Launch, LaunchTarget
from services.contracts.deferred import Deferred
from services.runtime.audit.keys import signing_key
from services.runtime.settings import Settings

if TYPE_CHECKING:
    from joserfc import jwk, jwt
else:
    jwk = Deferred("joserfc.jwk")
    jwt = Deferred("joserfc.jwt")

ALGORITHM: Final = "Ed25519"
ISSUER: Final = "nonagon"


def launch_key_file(settings: Settings) -> Path:
    return settings.state_path / "keys" / "launch.pem"


class SandboxLauncher:
    """Signs with the key in ``path``, which is made when first needed."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def link(self, launch: Launch, target: LaunchTarget) -> str:
        claims = {
            "iss": ISSUER,
            "jti": str(launch.id),
            "sub": str(launch.booking_id),
            "aud": str(launch.resource_id),
            "seat": launch.seat,
            "nbf": int(launch.at.timestamp()),
            "exp": int(launch.expires_at.timestamp()),
            "until": int(launch.until.timestamp()),
        }
        header = {"alg": ALGORITHM, "kid": self._key.thumbprint()}
        token = jwt.encode(header, claims, self._key, algorithms=[ALGORITHM])
        return target.url_template.replace("{token}", token)

    def keys(self) -> dict[str, Any]:
        public = self._key.as_dict(private=False)
        return {"keys": [{**public, "kid": self._key.thumbprint(), "use": "sig"}]}

    @cached_property
    def _key(self) -> "jwk.OKPKey":
        signing_key(self._path)
        return jwk.OKPKey.import_key(self._path.read_bytes())
