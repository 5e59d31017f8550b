"""How long parts travel between two steps of a chain."""

from dataclasses import dataclass
from typing import Final

from services.matching.domain import Place, great_circle_m
from services.matching.ranking import METRES_PER_KM, MINUTES_PER_HOUR


@dataclass(frozen=True, slots=True)
class Transport:
    """How long parts travel: great circle at ``speed_kmh``, and ``handling_minutes`` each trip.

    ``unknown_minutes`` stands for the whole trip where a place is not known. Nothing travels
    between equal places.

    Raises:
        ValueError: it stands still, or takes less than no time.
    """

    speed_kmh: int = 40
    handling_minutes: int = 60
    unknown_minutes: int = 24 * MINUTES_PER_HOUR

    def __post_init__(self) -> None:
        if self.speed_kmh < 1 or min(self.handling_minutes, self.unknown_minutes) < 0:
            raise ValueError(f"no such transport: {self}")

    def minutes(self, one: Place | None, other: Place | None) -> int:
        """Whole minutes of the trip, rounded up."""
        if one is None or other is None:
            return self.unknown_minutes
        if one == other:
            return 0
        metres = great_circle_m(one, other)
        return self.handling_minutes - (-metres * MINUTES_PER_HOUR) // (
            self.speed_kmh * METRES_PER_KM
        )


DEFAULT_TRANSPORT: Final = Transport()
