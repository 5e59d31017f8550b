"""What askers and matchers send each other: the questions and answers of matchers as MessagePack.

Subjects carry version, shard and kind, so nobody who speaks otherwise is asked; a changed shape of
anything sent is another version.
"""

from typing import Any, Final

import msgspec

from services.contracts.errors import DomainError
from services.matching.domain import MatchResult
from services.matching.service.port import MatchQuestion
from services.matching.service.shard import Shard

VERSION: Final = 1
MATCH: Final = "match"
FIND: Final = "find"
_encoder: Final = msgspec.msgpack.Encoder(uuid_format="bytes")
encode: Final = _encoder.encode


class MalformedMessageError(ValueError):
    """Octets that are no such message; the text says why."""


class Stamp(msgspec.Struct, array_like=True, frozen=True):
    """Who answers: the epoch of its lease, and the revision of the map it keeps its shard by."""

    epoch: int
    map_revision: int


class MatchReply(msgspec.Struct, array_like=True, frozen=True):
    """``result``, or why there is none."""

    stamp: Stamp
    refused: str | None = None
    result: MatchResult | None = None


_match_question: Final = msgspec.msgpack.Decoder(MatchQuestion)
_match_reply: Final = msgspec.msgpack.Decoder(MatchReply)


def subject(shard: Shard, kind: str) -> str:
    """Where questions of ``kind`` for ``shard`` are asked."""
    return f"matcher.v{VERSION}.{shard.count}.{shard.number}.{kind}"


def match_question(data: bytes) -> MatchQuestion:
    """Raises ``MalformedMessageError``."""
    found: MatchQuestion = decoded(_match_question, data)
    return found


def match_reply(data: bytes) -> MatchReply:
    """Raises ``MalformedMessageError``."""
    found: MatchReply = decoded(_match_reply, data)
    return found


def decoded(decoder: Any, data: bytes) -> Any:
    """What ``decoder`` makes of ``data``; raises ``MalformedMessageError``."""
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, ValueError, DomainError) as error:
        raise MalformedMessageError(str(error)) from error
