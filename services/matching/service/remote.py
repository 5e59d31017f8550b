"""The matcher asked over the bus: every shard at once, their answers joined."""

from collections.abc import Callable, Sequence
from typing import Final, Protocol, TypeVar

from services.matching.domain import MatchResult
from services.matching.service import wire
from services.matching.service.port import MatcherUnavailableError, MatchQuestion
from services.matching.service.shard import Shard
from services.matching.service.sharding import merged
from services.runtime.bus import BusUnavailableError, NobodyAnswersError

ANSWER_WITHIN_S: Final = 1.0
NOBODY, NO_ANSWER, MALFORMED, SUPERSEDED, APART = (
    "nobody", "no-answer", "malformed", "superseded", "apart",
)  # fmt: skip
"""Nobody keeps a shard; no answer came in time; it makes no sense; whoever answered keeps the shard
no longer; shards answered by different maps. A matcher's own refusals are causes beside them."""

AskAll = Callable[[Sequence[str], bytes, float], Sequence[bytes]]
"""Asks the same of several subjects at once; seconds are the time for all of them.

Raises ``BusUnavailableError`` unless all of them answered."""


class Reply(Protocol):
    """What answers of both kinds have."""

    @property
    def stamp(self) -> wire.Stamp: ...

    @property
    def refused(self) -> str | None: ...


AReply = TypeVar("AReply", bound=Reply)


class RemoteMatcher:
    """Implements ``Matcher`` for any number of threads.

    Args:
        ask_all: how to ask.
        shards: how many there are.
        count: told of each question ``answered`` or the cause why not.
    """

    def __init__(
        self, ask_all: AskAll, *, shards: int, count: Callable[[str], None] = lambda _: None
    ) -> None:
        self._ask_all = ask_all
        self._shards = [Shard(number, shards) for number in range(1, shards + 1)]
        self.epochs = [0] * shards
        """The newest that answered for each shard; an earlier one is no longer believed."""
        self.count = count

    def match(self, question: MatchQuestion) -> MatchResult:
        replies = self.asked(wire.MATCH, wire.encode(question), wire.match_reply)
        results = [reply.result for reply in replies if reply.result is not None]
        if len(results) != len(self._shards):
            raise self.unavailable(MALFORMED, "neither refused nor answered")
        self.count("answered")
        return merged(results, limit=question.limit)

    def asked(self, kind: str, data: bytes, read: Callable[[bytes], AReply]) -> list[AReply]:
        """The answers of all shards, in the order of their numbers.

        Raises:
            MatcherUnavailableError: one of them has none.
        """
        subjects = [wire.subject(shard, kind) for shard in self._shards]
        try:
            replies = [read(one) for one in self._ask_all(subjects, data, ANSWER_WITHIN_S)]
        except NobodyAnswersError as error:
            raise self.unavailable(NOBODY, str(error)) from error
        except BusUnavailableError as error:
            raise self.unavailable(NO_ANSWER, str(error)) from error
        except wire.MalformedMessageError as error:
            raise self.unavailable(MALFORMED, str(error)) from error
        self._check(replies)
        return replies

    def _check(self, replies: Sequence[Reply]) -> None:
        for index, reply in enumerate(replies):
            if reply.refused is not None:
                raise self.unavailable(reply.refused, f"shard {self._shards[index]}")
            if reply.stamp.epoch < self.epochs[index]:
                raise self.unavailable(SUPERSEDED, f"shard {self._shards[index]}")
            self.epochs[index] = reply.stamp.epoch
        if len({reply.stamp.map_revision for reply in replies}) > 1:
            raise self.unavailable(APART, "shards keep to different maps")

    def unavailable(self, cause: str, detail: str) -> MatcherUnavailableError:
        """Counted, to be raised."""
        self.count(cause)
        return MatcherUnavailableError(cause, detail)
