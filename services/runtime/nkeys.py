"""NATS keys and what they sign: an account's Ed25519 key in nkey text form, JWTs in NATS' dialect.

Format: https://github.com/nats-io/nkeys (base32 of prefix, key and CRC-16, without padding) and
https://github.com/nats-io/jwt (``alg`` is ``ed25519-nkey``).
"""

import base64
import binascii
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ACCOUNT_PREFIX: Final = 0 << 3
SERVER_PREFIX: Final = 13 << 3
SEED_PREFIX: Final = 18 << 3
KEY_BYTES: Final = 32
CRC_BYTES: Final = 2
TOKEN_CHARACTERS_MAX: Final = 64 * 1024
_HEADER: Final = {"typ": "JWT", "alg": "ed25519-nkey"}


class MalformedNkeyError(ValueError):
    """Not a key of the wanted kind; the text says what is wrong, never the key itself."""


class MalformedTokenError(ValueError):
    """Not a JWT a NATS server signed; the text says what is wrong."""


class AccountKey:
    """An account's signing key (``SA…``); what it signs, servers that name it as issuer believe."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        raw = private.public_key().public_bytes_raw()
        self.public = _encoded(bytes([ACCOUNT_PREFIX]), raw)
        """``A…``, the issuer in the server's configuration."""

    @classmethod
    def generate(cls) -> Self:
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def from_seed(cls, seed: str) -> Self:
        """Inverse of :attr:`seed`.

        Raises:
            MalformedNkeyError: not the seed of an account key.
        """
        prefix = _seed_prefix(ACCOUNT_PREFIX)
        return cls(Ed25519PrivateKey.from_private_bytes(_decoded(seed.strip(), prefix)))

    @classmethod
    def read(cls, path: Path) -> Self:
        """The key whose seed stands in the file.

        Raises:
            OSError: not readable.
            MalformedNkeyError: as :meth:`from_seed`.
        """
        return cls.from_seed(path.read_text(encoding="ascii", errors="replace"))

    @property
    def seed(self) -> str:
        return _encoded(_seed_prefix(ACCOUNT_PREFIX), self._private.private_bytes_raw())

    def sign(self, claims: Mapping[str, Any]) -> str:
        """A JWT with ``claims`` issued by this account."""
        body = {**claims, "iss": self.public}
        signed = ".".join(map(_segment, (_HEADER, body)))
        return f"{signed}.{_base64url(self._private.sign(signed.encode()))}"


def read_server_token(token: str) -> dict[str, Any]:
    """The claims of a JWT that a NATS server signed with the key it names.

    Raises:
        MalformedTokenError: too long, not a JWT, not from a server, or its signature is wrong.
    """
    if len(token) > TOKEN_CHARACTERS_MAX:
        raise MalformedTokenError(f"a token of {len(token)} characters")
    try:
        signed, _, signature = token.rpartition(".")
        claims = json.loads(_unbase64url(signed.partition(".")[2]))
        key = Ed25519PublicKey.from_public_bytes(
            _decoded(str(claims["iss"]), bytes([SERVER_PREFIX]))
        )
        key.verify(_unbase64url(signature), signed.encode())
    except InvalidSignature as error:
        raise MalformedTokenError("the signature is not the issuer's") from error
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise MalformedTokenError(f"not a server's token: {error!r}") from error
    assert isinstance(claims, dict)
    return claims


def _seed_prefix(kind: int) -> bytes:
    return bytes([SEED_PREFIX | kind >> 5, (kind & 0b11111) << 3])


def _encoded(prefix: bytes, raw: bytes) -> str:
    body = prefix + raw
    crc = binascii.crc_hqx(body, 0).to_bytes(CRC_BYTES, "little")
    return base64.b32encode(body + crc).decode().rstrip("=")


def _decoded(text: str, prefix: bytes) -> bytes:
    try:
        whole = base64.b32decode(text + "=" * (-len(text) % 8))
    except binascii.Error as error:
        raise MalformedNkeyError("not base32") from error
    body, crc = whole[:-CRC_BYTES], whole[-CRC_BYTES:]
    if binascii.crc_hqx(body, 0).to_bytes(CRC_BYTES, "little") != crc:
        raise MalformedNkeyError("its checksum is wrong")
    if not body.startswith(prefix) or len(body) != len(prefix) + KEY_BYTES:
        raise MalformedNkeyError("a key of another kind")
    return body[len(prefix) :]


def _segment(document: Mapping[str, Any]) -> str:
    return _base64url(json.dumps(document, separators=(",", ":")).encode())


def _base64url(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")


def _unbase64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
