"""What NATS asks an auth callout, and how it is answered.

Source: nats-server 2.15 ``server/auth_callout.go`` and nats-io/jwt v2. A request is a JWT of the
server; the answer is a JWT of the issuer that carries either a user JWT or an error.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from services.runtime.nkeys import AccountKey, MalformedTokenError, read_server_token

SUBJECT: Final = "$SYS.REQ.USER.AUTH"
AUDIENCE: Final = "nats-authorization-request"
UNLIMITED: Final = -1
_VERSION: Final = 2


@dataclass(frozen=True, slots=True)
class CalloutRequest:
    """Somebody who wants in: what it presents, and where the answer belongs."""

    server_id: str
    user_nkey: str
    expires_at_s: int
    """Unix time after which the server no longer waits."""
    host: str
    connection_type: str
    """``mqtt``, ``nats`` or ``websocket``."""
    client_id: str
    """Of MQTT; empty for other connections."""
    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Grant:
    """What a connection is let in as; subjects are NATS subjects, also of MQTT topics."""

    account: str
    name: str
    """Stands in the server's log and in its list of connections."""
    publish: Sequence[str]
    subscribe: Sequence[str]
    connection_types: Sequence[str]
    payload_bytes_max: int
    subscriptions_max: int
    expires_at: datetime


def read_request(token: str) -> CalloutRequest:
    """The request in a callout message.

    Raises:
        MalformedTokenError: not signed by a server, or not a request.
    """
    claims = read_server_token(token)
    if claims.get("aud") != AUDIENCE:
        raise MalformedTokenError("not an authorization request")
    try:
        asked = claims["nats"]
        client, presented = asked["client_info"], asked["connect_opts"]
        return CalloutRequest(
            server_id=str(asked["server_id"]["id"]),
            user_nkey=str(asked["user_nkey"]),
            expires_at_s=int(claims["exp"]),
            host=str(client.get("host", "")),
            connection_type=str(client.get("type", "")),
            client_id=str(client.get("mqtt_id", "")),
            username=str(presented.get("user", "")),
            password=str(presented.get("pass", "")),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise MalformedTokenError(f"not an authorization request: {error!r}") from error


def granting(key: AccountKey, request: CalloutRequest, grant: Grant, *, now: datetime) -> str:
    """The answer that lets the connection in."""
    user = {
        "type": "user",
        "version": _VERSION,
        "pub": {"allow": list(grant.publish)},
        "sub": {"allow": list(grant.subscribe)},
        "subs": grant.subscriptions_max,
        "data": UNLIMITED,
        "payload": grant.payload_bytes_max,
        "allowed_connection_types": list(grant.connection_types),
    }
    token = key.sign(
        {
            "iat": int(now.timestamp()),
            "exp": int(grant.expires_at.timestamp()),
            "sub": request.user_nkey,
            "aud": grant.account,
            "name": grant.name,
            "nats": user,
        }
    )
    return _answer(key, request, {"jwt": token}, now)


def refusing(key: AccountKey, request: CalloutRequest, cause: str, *, now: datetime) -> str:
    """The answer that keeps the connection out; ``cause`` stands in the server's log only."""
    return _answer(key, request, {"error": cause}, now)


def _answer(
    key: AccountKey, request: CalloutRequest, verdict: dict[str, Any], now: datetime
) -> str:
    return key.sign(
        {
            "iat": int(now.timestamp()),
            "sub": request.user_nkey,
            "aud": request.server_id,
            "nats": {"type": "authorization_response", "version": _VERSION, **verdict},
        }
    )
