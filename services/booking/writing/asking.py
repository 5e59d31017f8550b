"""Asks the durable writer for slots, from wherever a bus is at hand."""

from collections.abc import Sequence

from services.booking.writing import messages
from services.booking.writing.messages import HoldQuestion, Outcome
from services.matching.service import wire
from services.matching.service.remote import RemoteMatcher

APART = Outcome(declined=messages.NOT_KEPT)


class RemoteWriter:
    """Asks the writers of all shards at once; one of them, at most, keeps a listing."""

    def __init__(self, remote: RemoteMatcher) -> None:
        self._remote = remote

    def hold(self, question: HoldQuestion) -> list[Outcome]:
        """What became of each slot, in order.

        Raises:
            MatcherUnavailableError: nobody can say now; a key tells later what became of it.
        """
        replies = self._remote.asked(messages.HOLD, wire.encode(question), messages.held_reply)
        count = len(question.holds)
        if any(len(reply.outcomes) != count for reply in replies):
            raise self._remote.unavailable("malformed", "not an outcome for each")
        self._remote.count("answered")
        return [_joined(each) for each in zip(*(one.outcomes for one in replies), strict=True)]


def _joined(outcomes: Sequence[Outcome]) -> Outcome:
    """That of the shard that keeps the listing."""
    kept = (one for one in outcomes if one.declined != messages.NOT_KEPT)
    return next(kept, APART)
