"""What asks a matcher, and what answers: from the record, or out of a projection of it.

``tests/contract/matcher`` holds every implementation to the same answers.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.matching.domain import MatchResult, Requirement
from services.matching.engine.interface import Viewer


class MatcherUnavailableError(Exception):
    """No answer now; the record gives one. ``cause`` is a word for metrics."""

    def __init__(self, cause: str, detail: str = "") -> None:
        super().__init__(f"{cause}: {detail}" if detail else cause)
        self.cause = cause


@dataclass(frozen=True, slots=True)
class MatchQuestion:
    """A requirement, who asks it, and for which moment.

    A ``fresh`` answer counts in whatever was committed before the question was asked.
    """

    requirement: Requirement
    limit: int
    now: datetime
    viewer: Viewer
    fresh: bool = True


class Matcher(Protocol):
    """Answers questions exactly, relaxations left out."""

    def match(self, question: MatchQuestion) -> MatchResult:
        """The answer as of ``question.now``.

        Raises:
            MatcherUnavailableError: it cannot answer now.
        """
        ...
