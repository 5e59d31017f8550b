"""Opaque tokens: 256 random bits behind a prefix by which a leaked one is found.

``nk_…`` is an API key, ``ns_…`` a session, ``nt_…`` a single-use ticket. Only the SHA-256 of a
token is stored: a guess is as hard as the token, so a slow hash would protect nothing.
"""

import hashlib
import re
from enum import StrEnum
from typing import Final

TOKEN_BYTES: Final = 32
SESSION_COOKIE: Final = "__Host-nonagon_session"
"""Browsers keep it for exactly this host, over TLS; Chromium and Firefox also on loopback."""
_TOKEN: Final = re.compile(r"(nk|ns|nt)_[0-9a-f]{64}", re.ASCII)


class TokenKind(StrEnum):
    API_KEY = "nk"
    SESSION = "ns"
    TICKET = "nt"


def token_text(kind: TokenKind, random_bytes: bytes) -> str:
    """The token as its holder gets it.

    Raises:
        ValueError: not 32 bytes.
    """
    if len(random_bytes) != TOKEN_BYTES:
        raise ValueError(f"a token needs {TOKEN_BYTES} random bytes, got {len(random_bytes)}")
    return f"{kind}_{random_bytes.hex()}"


def token_kind(token: str) -> TokenKind | None:
    """Which kind ``token`` is by its form; ``None``: none of ours, so nobody need look it up."""
    found = _TOKEN.fullmatch(token)
    return None if found is None else TokenKind(found.group(1))


def token_hash(token: str) -> bytes:
    """What is stored and looked up."""
    return hashlib.sha256(token.encode()).digest()


def subject_hash(*parts: str) -> bytes:
    """What stands for a name (an e-mail address, an outside account) that the caller presents."""
    return hashlib.sha256("\x1f".join(parts).encode()).digest()
