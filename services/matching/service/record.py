"""The matcher that reads the record anew for every question."""

from datetime import timedelta

from sqlmodel import Session

from services.contracts.intervals import Interval
from services.identity.domain import Reach
from services.matching import snapshot, store
from services.matching.domain import Listing, MatchResult, Requirement
from services.matching.engine.interface import EngineFactory, MatchingEngine, Viewer
from services.matching.engine.oracle import OracleEngine
from services.matching.service.port import MatchQuestion
from services.runtime.clock import Clock


class RecordMatcher:
    """Answers from what ``session`` reads. Implements ``Matcher`` and is never unavailable.

    Args:
        session: the transaction to read in.
        clock: the moment live signs are judged at.
        stale_after: how old a twin's last sign may be for its free time to count as measured.
        engine_for: which engine ranks.
    """

    def __init__(
        self,
        *,
        session: Session,
        clock: Clock,
        stale_after: timedelta,
        engine_for: EngineFactory = OracleEngine,
    ) -> None:
        self._session = session
        self._clock = clock
        self._stale_after = stale_after
        self._engine_for = engine_for
        self._asked: tuple[Viewer, frozenset[str]] | None = None
        self._listings: list[Listing] = []

    def match(self, question: MatchQuestion) -> MatchResult:
        requirement = question.requirement
        engine = self.engine(requirement, question.viewer, requirement.window)
        return engine.match(requirement, limit=question.limit, now=question.now)

    def engine(self, requirement: Requirement, viewer: Viewer, window: Interval) -> MatchingEngine:
        """An engine over what ``viewer`` sees of the asked processes, with the time of ``window``.

        Raises:
            WindowTooLongError: ``window`` is longer than any horizon.
        """
        loaded = snapshot.load(
            session=self._session,
            clock=self._clock,
            listings=self._visible(viewer, requirement.processes),
            window=window,
            stale_after=self._stale_after,
        )
        return self._engine_for(loaded)

    def _visible(self, viewer: Viewer, processes: frozenset[str]) -> list[Listing]:
        if self._asked != (viewer, processes):
            found = store.visible_listings(
                self._session,
                viewer=viewer.organisation_id,
                reach=Reach(viewer.parks, viewer.spaces),
                processes=processes,
            )
            self._listings = [listing for listing in found if viewer.sees(listing)]
            self._asked = (viewer, processes)
        return self._listings
