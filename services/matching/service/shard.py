"""Which part of the market one matcher keeps, as written on a command line."""

from dataclasses import dataclass
from typing import ClassVar, Final, Self

from services.contracts.errors import DomainError, ErrorKind

SHARDS_MAX: Final = 64


class InvalidShardError(DomainError):
    code: ClassVar[str] = "shard-invalid"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = (
        "{written!r} names no shard: write number/count, such as 1/1 or 2/3, with a number from 1"
        " to the count and a count of at most {most}."
    )
    zh: ClassVar[str] = (
        "{written!r} 不是有效的分片：请写作 序号/总数，例如 1/1 或 2/3，序号从 1 到总数，总数不超过"
        " {most}。"
    )


@dataclass(frozen=True, slots=True)
class Shard:
    """The ``number``-th of ``count`` matchers, from 1."""

    number: int
    count: int

    @classmethod
    def read(cls, written: str) -> Self:
        """From ``number/count``.

        Raises:
            InvalidShardError: it is no such thing.
        """
        number, slash, count = written.partition("/")
        parts = (number, count)
        if not (slash and all(part.isascii() and part.isdecimal() for part in parts)):
            raise InvalidShardError(written=written, most=SHARDS_MAX)
        shard = cls(int(number), int(count))
        if not 1 <= shard.number <= shard.count <= SHARDS_MAX:
            raise InvalidShardError(written=written, most=SHARDS_MAX)
        return shard

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"
