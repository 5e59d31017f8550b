"""Heads of the chains kept outside the database, signed, in a file that is only added to.

A chain alone cannot tell that its end was cut off, or that all of it was written anew. Copy the
file to another machine: whoever writes both it and the database can still cut off both ends.
"""

import base64
import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, ClassVar, Final
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from services.contracts.errors import DomainError, ErrorKind
from services.runtime.audit.entry import ChainId, Head, canonical
from services.runtime.audit.keys import FOLDER_MODE, PRIVATE_MODE

FIRST: Final = "nonagon-anchors-1"


class AnchorsDamagedError(DomainError):
    code: ClassVar[str] = "anchors-damaged"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "Line {line} of {path} is not as it was signed; take a copy of the file from elsewhere."
    )
    zh: ClassVar[str] = "{path} 第 {line} 行与签名不符；请使用另存的副本。"


@dataclass(slots=True)
class Anchors:
    """What a file of anchors tells: hashes by chain and number, and the newest head of each."""

    by_chain: dict[ChainId, dict[int, bytes]] = field(default_factory=dict)
    newest: dict[ChainId, Head] = field(default_factory=dict)
    last_at: datetime | None = None
    tip: str = FIRST
    """Digest of the last line, which the next one names."""
    lines: int = 0

    def take(self, at: datetime, heads: Sequence[Head]) -> None:
        for head in heads:
            self.by_chain.setdefault(head.chain, {})[head.seq] = head.hash
            self.newest[head.chain] = head
        self.last_at = at


@dataclass(frozen=True, slots=True)
class Anchored:
    """What came of anchoring: how many heads were new, and which chains went backwards."""

    added: int
    receded: tuple[ChainId, ...]


def append_anchor(
    path: Path, key: Ed25519PrivateKey, heads: Sequence[Head], *, at: datetime
) -> Anchored:
    """Add the heads that moved since the last line; safe with several processes at once.

    A head that is lower than, or differs from, the one anchored before is not taken: the old anchor
    stays the witness against it.

    Raises:
        AnchorsDamagedError: the file is not as it was signed.
    """
    with _locked(path) as file:
        known = _read(file, path, key.public_key())
        current = {head.chain: head for head in heads}
        receded = tuple(
            chain for chain, old in known.newest.items() if _is_before(current.get(chain), old)
        )
        moved = [
            head
            for head in heads
            if head.chain not in receded and known.newest.get(head.chain) != head
        ]
        if moved:
            file.write(_line(key, moved, at=at, previous=known.tip))
            file.flush()
            os.fsync(file.fileno())
    return Anchored(len(moved), receded)


def read_anchors(path: Path, key: Ed25519PublicKey) -> Anchors:
    """Everything the file tells.

    Raises:
        AnchorsDamagedError: a line is not as it was signed, or lines are missing before it.
        FileNotFoundError: there is no such file.
    """
    with path.open("rb") as file:
        return _read(file, path, key)


@contextmanager
def _locked(path: Path) -> Iterator[IO[bytes]]:
    path.parent.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, PRIVATE_MODE)
    with os.fdopen(descriptor, "a+b") as file:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX)
        file.seek(0)
        yield file


def _is_before(now: Head | None, anchored: Head) -> bool:
    if now is None or now.seq < anchored.seq:
        return True
    return now.seq == anchored.seq and now.hash != anchored.hash


def _line(key: Ed25519PrivateKey, heads: Sequence[Head], *, at: datetime, previous: str) -> bytes:
    said = {
        "at": at.astimezone(UTC).isoformat(timespec="microseconds"),
        "heads": {str(head.chain): [head.seq, head.hash.hex()] for head in heads},
        "previous": previous,
    }
    signature = base64.b64encode(key.sign(canonical(said))).decode()
    return canonical({**said, "signature": signature}) + b"\n"


def _read(file: IO[bytes], path: Path, key: Ed25519PublicKey) -> Anchors:
    anchors = Anchors()
    for number, line in enumerate(file, start=1):
        try:
            document = _verified(line, anchors.tip, key)
            at = datetime.fromisoformat(document["at"])
            anchors.take(at, _heads(document["heads"]))
        except (ValueError, KeyError, TypeError, AttributeError, InvalidSignature) as error:
            raise AnchorsDamagedError(path=path, line=number) from error
        anchors.tip = hashlib.sha256(line).hexdigest()
        anchors.lines = number
    return anchors


def _verified(line: bytes, tip: str, key: Ed25519PublicKey) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(line)
    signature = base64.b64decode(document.pop("signature"), validate=True)
    key.verify(signature, canonical(document))
    if document["previous"] != tip or not line.endswith(b"\n"):
        raise ValueError("the line does not follow the one before")
    return document


def _heads(document: Mapping[str, tuple[int, str]]) -> list[Head]:
    return [
        Head(ChainId(UUID(chain)), int(seq), bytes.fromhex(digest))
        for chain, (seq, digest) in document.items()
    ]
