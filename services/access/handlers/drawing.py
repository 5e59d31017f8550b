"""Draws tokens from the operating system's randomness."""

import secrets
from typing import NamedTuple

from services.access.domain.tokens import TOKEN_BYTES, TokenKind, token_hash, token_text


class Drawn(NamedTuple):
    """``text`` goes to the holder once; ``hash`` is kept."""

    text: str
    hash: bytes


def draw(kind: TokenKind) -> Drawn:
    text = token_text(kind, secrets.token_bytes(TOKEN_BYTES))
    return Drawn(text, token_hash(text))
