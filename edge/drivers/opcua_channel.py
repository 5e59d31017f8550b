"""Opening a session as the configuration wants it: encrypted to a believed server, and bounded.

There is no negotiation: the endpoint of the one named policy is there, or there is no session.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog
from asyncua import ua
from asyncua.client.client import Client
from asyncua.client.ua_client import UaClient, UASocketProtocol
from asyncua.common.connection import TransportLimits
from asyncua.common.shortcuts import Shortcuts
from asyncua.common.utils import ServiceError
from asyncua.crypto import security_policies
from asyncua.ua.uaerrors import UaError

from edge.config import MachineConfig, SecurityPolicy
from edge.drivers.certificates import Identity
from edge.drivers.opcua_trust import (
    RefusedError,
    Trusted,
    server_certificate,
    verify_server,
)
from edge.drivers.protocol import Refusal

log = structlog.get_logger(__name__)

REQUEST_TIMEOUT_S: Final = 4.0
SESSION_TIMEOUT_MS: Final = 60_000
"""What a server keeps for an agent that died; servers have few sessions to give."""
CHANNEL_LIFETIME_MS: Final = 3_600_000
"""Keys are renewed after three quarters of it."""
CHUNK_BYTES_MAX: Final = 65_535
CHUNKS_MAX: Final = 64
MESSAGE_BYTES_MAX: Final = CHUNK_BYTES_MAX * CHUNKS_MAX
NAME: Final = "nonagon-edge"
_NONE: Final = "None"

POLICIES: Final[dict[SecurityPolicy, type[security_policies.SecurityPolicy]]] = {
    SecurityPolicy.BASIC256_SHA256: security_policies.SecurityPolicyBasic256Sha256,
    SecurityPolicy.AES128_SHA256_RSA_OAEP: security_policies.SecurityPolicyAes128Sha256RsaOaep,
    SecurityPolicy.AES256_SHA256_RSA_PSS: security_policies.SecurityPolicyAes256Sha256RsaPss,
}
_ANSWERS_TO_A_CALL: Final = (OSError, TimeoutError, UaError, ServiceError, RefusedError)


@dataclass(frozen=True, slots=True)
class Channel:
    """A client in session, and until when the server's certificate is valid."""

    client: Client
    certificate_until: datetime | None


class _Limits(TransportLimits):
    def update_client_limits(self, msg: ua.Acknowledge) -> None:
        """A server may ask for smaller chunks; what is taken from it stays limited here."""
        if msg.ReceiveBufferSize:
            self.max_send_buffer = min(self.max_send_buffer, msg.ReceiveBufferSize)


class _BoundedProtocol(UASocketProtocol):
    """asyncua's, but what arrives before a message is whole is limited too."""

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if len(self.receive_buffer or b"") > CHUNK_BYTES_MAX:
            log.warning("oversized_chunk", bytes_max=CHUNK_BYTES_MAX)
            self.receive_buffer = None
            self.disconnect_socket()


class _BoundedUaClient(UaClient):
    def _make_protocol(self) -> UASocketProtocol:
        limits = _Limits(CHUNK_BYTES_MAX, CHUNK_BYTES_MAX, CHUNKS_MAX, MESSAGE_BYTES_MAX)
        protocol = _BoundedProtocol(self._timeout, self.security_policy, limits)
        protocol.pre_request_hook = self.pre_request_hook
        protocol.on_connection_lost = self._on_transport_lost
        protocol.is_session_closing = self._is_session_closing
        self.protocol = protocol
        return protocol


class BoundedClient(Client):
    """asyncua's client with limits; it otherwise takes the limits its server names."""

    def __init__(self, url: str) -> None:
        super().__init__(
            url,
            timeout=REQUEST_TIMEOUT_S,
            watchdog_intervall=REQUEST_TIMEOUT_S,  # also how long a busy server may take to answer
        )
        self.uaclient = _BoundedUaClient(REQUEST_TIMEOUT_S)
        self.uaclient.pre_request_hook = self.check_connection
        self.nodes = Shortcuts(self.uaclient.session)
        self.max_messagesize = MESSAGE_BYTES_MAX
        self.max_chunkcount = CHUNKS_MAX
        self.name = NAME
        self.description = NAME
        self.session_timeout = SESSION_TIMEOUT_MS
        self.secure_channel_timeout = CHANNEL_LIFETIME_MS


async def open_channel(
    machine: MachineConfig, identity: Identity | None, trusted: Trusted | None, *, now: datetime
) -> Channel:
    """A session with the machine's server; ``identity`` and ``trusted`` unless it is unencrypted.

    Raises:
        RefusedError: the server is not who it should be, or does not protect as it should.
        OSError, TimeoutError, UaError, ServiceError: it cannot be reached or does not want to.
    """
    endpoint = machine.endpoint
    client = BoundedClient(endpoint.url)
    until = None
    try:
        if endpoint.is_encrypted:
            assert identity is not None, "an encrypted session needs an identity"
            assert trusted is not None, "an encrypted session needs to know whom to believe"
            until = await _secure(client, endpoint.security, identity, trusted, now=now)
        await client.connect()
    except BaseException as error:
        client.disconnect_socket()
        if isinstance(error, Exception) and not isinstance(error, _ANSWERS_TO_A_CALL):
            raise _nonsense(error) from error
        raise
    return Channel(client, until)


async def discover(url: str) -> list[ua.EndpointDescription]:
    """What the server offers. Asked without protection, so nothing of it may be believed yet.

    Raises:
        RefusedError: the answer makes no sense.
        OSError, TimeoutError, UaError, ServiceError: it cannot be reached or does not want to.
    """
    client = BoundedClient(url)
    try:
        found: list[ua.EndpointDescription] = await client.connect_and_get_server_endpoints()
    except _ANSWERS_TO_A_CALL:
        raise
    except Exception as error:
        raise _nonsense(error) from error
    return found


async def _secure(
    client: Client,
    security: SecurityPolicy,
    identity: Identity,
    trusted: Trusted,
    *,
    now: datetime,
) -> datetime:
    """Prepare ``client`` for an encrypted session; when the server's certificate expires."""
    if identity.expires_at <= now:
        raise RefusedError(
            Refusal.OWN_EXPIRED,
            f"the agent's own certificate {identity.path} expired on"
            f" {identity.expires_at:%Y-%m-%d}: replace it (one the agent made: remove it), start"
            " again and let the machine trust the new one",
        )
    policy = POLICIES[security]
    endpoint = _matching(await client.connect_and_get_server_endpoints(), policy.URI, security)
    certificate = server_certificate(endpoint)
    await verify_server(certificate, endpoint.Server, trusted)

    async def verify(shown: Any, server: ua.ApplicationDescription) -> None:
        await verify_server(shown, server, trusted)

    client.application_uri = identity.application_uri
    client.certificate_validator = verify  # once more, on what the session itself says
    protection: Any = policy(
        certificate, identity.certificate, identity.key, ua.MessageSecurityMode.SignAndEncrypt
    )
    client.security_policy = protection
    client.uaclient.set_security(protection)
    return certificate.not_valid_after_utc


def _matching(
    endpoints: list[ua.EndpointDescription], uri: str, security: SecurityPolicy
) -> ua.EndpointDescription:
    for endpoint in endpoints:
        is_encrypted = endpoint.SecurityMode is ua.MessageSecurityMode.SignAndEncrypt
        if is_encrypted and endpoint.SecurityPolicyUri == uri:
            return endpoint
    offered = ", ".join(sorted({offer(endpoint) for endpoint in endpoints})) or "nothing"
    raise RefusedError(
        Refusal.NOT_OFFERED,
        f"the server does not offer {security} with SignAndEncrypt; it offers {offered}",
    )


def offer(endpoint: ua.EndpointDescription) -> str:
    """An endpoint's protection in words: policy and mode."""
    policy = str(endpoint.SecurityPolicyUri).rpartition("#")[2].replace("_", "")
    return policy if policy == _NONE else f"{policy} with {endpoint.SecurityMode.name}"


def _nonsense(error: Exception) -> RefusedError:
    said = f"{type(error).__name__}: {error}"
    return RefusedError(Refusal.NONSENSE, f"the server's answer makes no sense: {said}")
