"""What one batch of questions is answered, out of one state of the market."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import structlog

from gateway.matcher.metrics import MatcherMetrics
from services.matching.service import wire
from services.matching.service.batches import FindQuestion, FindReply
from services.matching.service.live_engine import Asked
from services.matching.service.port import MatchQuestion
from services.matching.service.projection import Projection
from services.matching.service.wire import MatchReply, Stamp

TOO_LARGE, FAILED = "too-large", "failed"
Array = np.ndarray[Any, Any]

log = structlog.get_logger(__name__)


class Replying:
    """Answers in the name of ``stamp``; ``joined`` with those of other shards, or alone."""

    def __init__(
        self, projection: Projection, stamp: Stamp, metrics: MatcherMetrics, *, joined: bool
    ) -> None:
        self._engine = projection.engine
        self._joined = joined
        self._stamp = stamp
        self._metrics = metrics
        self._before = self._engine.effort

    def count_effort(self) -> None:
        """Count what the engine did since it began to reply."""
        examined, bounds_hit = self._engine.effort
        self._metrics.examined.inc(examined - self._before[0])
        self._metrics.bounds_hit.inc(bounds_hit - self._before[1])

    def refuse(self, kind: str, cause: str) -> bytes:
        self._metrics.questions.labels(kind, cause).inc()
        reply = MatchReply if kind == wire.MATCH else FindReply
        return wire.encode(reply(self._stamp, refused=cause))

    def match(self, question: MatchQuestion) -> bytes:
        """One requirement with its reasons."""
        try:
            return self._match(question)
        except Exception:
            log.exception("question failed, the record will answer it", kind=wire.MATCH)
            return self.refuse(wire.MATCH, FAILED)

    def find(self, questions: Sequence[FindQuestion]) -> list[bytes]:
        """Batches, searched together; alone when together they fail."""
        try:
            return self._find(questions)
        except Exception:
            if len(questions) > 1:
                return [reply for question in questions for reply in self.find([question])]
            log.exception("question failed, the record will answer it", kind=wire.FIND)
            return [self.refuse(wire.FIND, FAILED)]

    def _match(self, question: MatchQuestion) -> bytes:
        result = self._engine.match(
            question.requirement,
            limit=question.limit,
            now=question.now,
            viewer=question.viewer,
        )
        self._metrics.questions.labels(wire.MATCH, "answered").inc()
        self._metrics.demands.inc()
        self._metrics.considered.inc(result.considered)
        self._metrics.candidates.inc(len(result.candidates))
        return wire.encode(MatchReply(self._stamp, result=result))

    def _find(self, questions: Sequence[FindQuestion]) -> list[bytes]:
        asked = [
            Asked(requirement, question.viewer, question.now, question.limit)
            for question in questions
            for requirement in question.asked
        ]
        if not asked:
            return [wire.encode(FindReply(self._stamp)) for _ in questions]
        if not all(self._engine.is_countable(one.requirement) for one in asked):
            return [self._countable(question) for question in questions]
        rows, counts = self._engine.find(asked, joined=self._joined)
        self._metrics.questions.labels(wire.FIND, "answered").inc(len(questions))
        self._metrics.demands.inc(len(asked))
        self._metrics.candidates.inc(len(rows))
        return list(self._split(questions, counts, rows))

    def _split(
        self, questions: Sequence[FindQuestion], counts: Array, rows: Array
    ) -> Iterator[bytes]:
        """To each question the counts and rows of its demands."""
        ends = np.concatenate([[0], np.cumsum(counts)])
        first = 0
        for question in questions:
            last = first + len(question.asked)
            own = rows[ends[first] : ends[last]]
            yield wire.encode(
                FindReply(self._stamp, counts=counts[first:last].tobytes(), rows=own.tobytes())
            )
            first = last

    def _countable(self, question: FindQuestion) -> bytes:
        if all(map(self._engine.is_countable, question.asked)):
            (reply,) = self._find([question])
            return reply
        return self.refuse(wire.FIND, TOO_LARGE)
