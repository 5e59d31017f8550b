"""Enrolment codes, credentials, and what a gateway may do on the broker. Pure."""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from services.contracts.ids import GatewayId, OrganisationId
from services.contracts.sparkplug import MessageType, Topic, state_topic

ENROLMENT_LASTS: Final = timedelta(hours=1)
ENROLMENTS_OPEN_MAX: Final = 5
"""Codes of one gateway that wait to be redeemed."""
ADMISSION_LASTS: Final = timedelta(hours=12)
"""Afterwards the broker ends the connection and the gateway signs in anew: the backstop behind
cutting a revoked gateway, for a broker whose worker is away."""
ADMISSION_SPREAD_S: Final = 3600
"""Connections made together end apart by up to this."""
CODE_BYTES: Final = 15
"""120 bits, 24 characters a person can type."""
SECRET_BYTES: Final = 32
PAYLOAD_BYTES_MAX: Final = 1_000_000
SUBSCRIPTIONS_MAX: Final = 16
"""Of the broker's own counting, which takes two for one at QoS 1."""
HOST_ID: Final = "nonagon"

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_CODE: Final = re.compile(rf"[{_ALPHABET}]{{{CODE_BYTES * 8 // 5}}}", re.ASCII)
_GROUP: Final = 6
_SECRET: Final = re.compile(rf"ngw_[0-9a-f]{{{SECRET_BYTES * 2}}}", re.ASCII)
_MISREAD: Final = str.maketrans("OIL", "011", " -\u2013\u2014")

_PUBLISHED_BY_NODE: Final = (MessageType.NBIRTH, MessageType.NDATA, MessageType.NDEATH)
_PUBLISHED_BY_DEVICES: Final = (MessageType.DBIRTH, MessageType.DDATA, MessageType.DDEATH)


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A gateway's right to fetch a credential, once, by whoever presents the code."""

    id: UUID
    organisation_id: OrganisationId
    gateway_id: GatewayId
    created_at: datetime
    created_by: UUID | None
    expires_at: datetime
    redeemed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Credential:
    """What a gateway signs in with; the first use of a newer one revokes those before."""

    id: UUID
    organisation_id: OrganisationId
    gateway_id: GatewayId
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Permissions:
    """NATS subjects a connection may publish to and subscribe to."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]


class Refusal(StrEnum):
    """Why somebody was not let onto the broker; the texts stand in the log."""

    NOT_MQTT = "gateways connect by MQTT only"
    NO_CREDENTIAL = "neither a gateway id nor a gateway's secret was presented"
    CLIENT_ID_OF_ANOTHER = "the MQTT client id is not the gateway's own"
    UNKNOWN = "no gateway has this credential"
    REVOKED = "the credential was revoked"
    UNCHECKED = "the credential could not be checked"


def code_text(random_bytes: bytes) -> str:
    """An enrolment code in four groups (Crockford's base 32: no I, L, O, U).

    Raises:
        ValueError: not 15 bytes.
    """
    if len(random_bytes) != CODE_BYTES:
        raise ValueError(f"a code needs {CODE_BYTES} random bytes, got {len(random_bytes)}")
    number = int.from_bytes(random_bytes, "big")
    digits = [_ALPHABET[number >> shift & 31] for shift in range(CODE_BYTES * 8 - 5, -1, -5)]
    text = "".join(digits)
    return "-".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))


def code_hash(code: str) -> bytes | None:
    """What of a code is stored; ``None``: no code by its form. Case, gaps and O, I, L forgiven."""
    plain = code.strip().upper().translate(_MISREAD)
    if _CODE.fullmatch(plain) is None:
        return None
    return hashlib.sha256(plain.encode()).digest()


def secret_text(random_bytes: bytes) -> str:
    """A credential's secret.

    Raises:
        ValueError: not 32 bytes.
    """
    if len(random_bytes) != SECRET_BYTES:
        raise ValueError(f"a secret needs {SECRET_BYTES} random bytes, got {len(random_bytes)}")
    return f"ngw_{random_bytes.hex()}"


def secret_hash(secret: str) -> bytes | None:
    """What of a secret is stored; ``None``: no secret by its form.

    SHA-256 suffices: with 256 random bits a guess is as hard as the hash.
    """
    if _SECRET.fullmatch(secret) is None:
        return None
    return hashlib.sha256(secret.encode()).digest()


def presented_gateway(
    *, connection_type: str, client_id: str, username: str, password: str
) -> tuple[GatewayId, bytes] | Refusal:
    """The gateway somebody claims to be and the hash of its secret, as far as that alone goes.

    User name and MQTT client id are the gateway's id, both: whoever presents the id of another
    would end the other's session.
    """
    if connection_type != "mqtt":
        return Refusal.NOT_MQTT
    hashed = secret_hash(password)
    try:
        gateway_id = UUID(username)
    except ValueError:
        return Refusal.NO_CREDENTIAL
    if hashed is None or str(gateway_id) != username:
        return Refusal.NO_CREDENTIAL
    if client_id != username:
        return Refusal.CLIENT_ID_OF_ANOTHER
    return GatewayId(gateway_id), hashed


def permissions(*, group: str, edge_node: str) -> Permissions:
    """What the gateway at ``group``/``edge_node`` may say and hear: its own node, nothing else."""
    node = [str(Topic(group, kind, edge_node)) for kind in _PUBLISHED_BY_NODE]
    devices = [str(Topic(group, kind, edge_node, "+")) for kind in _PUBLISHED_BY_DEVICES]
    heard = [str(Topic(group, MessageType.NCMD, edge_node)), state_topic(HOST_ID)]
    return Permissions(
        publish=tuple(subject_of(topic) for topic in (*node, *devices)),
        subscribe=tuple(subject_of(topic) for topic in heard),
    )


def subject_of(topic: str) -> str:
    """The NATS subject nats-server makes of an MQTT topic filter without empty levels.

    ``spBv1.0/g/NDATA/e`` is ``spBv1//0.g.NDATA.e``: a rule with ``spBv1.0`` would match nothing.

    Raises:
        ValueError: an empty level, a space, or ``#`` before the end.
    """
    levels = topic.split("/")
    if any(not level or " " in level for level in levels) or "#" in levels[:-1]:
        raise ValueError(f"no plain topic: {topic!r}")
    wild = {"+": "*", "#": ">"}
    return ".".join(wild.get(level) or level.replace(".", "//") for level in levels)


def admission_ends(*, now: datetime, credential_id: UUID) -> datetime:
    spread = timedelta(seconds=credential_id.int % ADMISSION_SPREAD_S)
    return now + ADMISSION_LASTS - spread
