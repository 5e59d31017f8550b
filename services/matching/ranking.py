"""What candidates are ranked by: their price, and what else they cost the one who asks."""

import math
from dataclasses import dataclass
from typing import ClassVar, Final

from services.contracts.errors import DomainError, ErrorKind

EARTH_RADIUS_M: Final = 6_371_008.8
"""Mean radius R1 of the WGS 84 ellipsoid (IUGG)."""
MINUTES_PER_HOUR: Final = 60
METRES_PER_KM: Final = 1_000
PERMILLE: Final = 1_000
DISTANCE_UNKNOWN_M: Final = round(math.pi * EARTH_RADIUS_M)
"""What an unknown distance counts as: no place is further away."""
SIGHT_AGE_MAX_MINUTES: Final = 24 * MINUTES_PER_HOUR
"""What the age of data counts as at most, and where there is no twin."""
RELIABILITY_UNKNOWN: Final = PERMILLE // 2
WEIGHT_MAX: Final = 10**9


class RankingInvalidError(DomainError):
    code: ClassVar[str] = "ranking-invalid"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "{field} is {value}; give 0 to {most} minor units."
    zh: ClassVar[str] = "{field} 为 {value}；应为 0 至 {most}（最小货币单位）。"


@dataclass(frozen=True, slots=True)
class Ranking:
    """What candidates are ranked by besides their price: their generalised cost (广义成本).

    All in minor units of the requirement's currency; with nothing but zeros the price alone ranks.
    Each part is rounded down by itself.

    Args:
        per_km_minor: for each km from the demand's place; nothing where it has none.
        per_hour_minor: for each hour from now until the work is done.
        unreliability_minor: what a certain failure would cost; what is in service for a share of
            its time costs the other share of it.
        per_hour_of_age_minor: for each hour since the twin was last seen, a day at most; a
            resource without a twin counts as a day.
        outside_park_minor: for what is not in ``park``.
        park: the preferred one.

    Raises:
        RankingInvalidError: a weight is negative or above ``WEIGHT_MAX``.
    """

    per_km_minor: int = 0
    per_hour_minor: int = 0
    unreliability_minor: int = 0
    per_hour_of_age_minor: int = 0
    outside_park_minor: int = 0
    park: str | None = None

    def __post_init__(self) -> None:
        weights = (
            self.per_km_minor,
            self.per_hour_minor,
            self.unreliability_minor,
            self.per_hour_of_age_minor,
            self.outside_park_minor,
        )
        if min(weights) >= 0 and max(weights) <= WEIGHT_MAX:
            return
        for field, value in self.weights().items():
            if not 0 <= value <= WEIGHT_MAX:
                raise RankingInvalidError(field=field, value=value, most=WEIGHT_MAX)

    def weights(self) -> dict[str, int]:
        """By the names of the fields."""
        return {name: getattr(self, name) for name in _WEIGHTS}

    def surcharge(
        self,
        *,
        distance_m: int | None,
        minutes_until_end: int,
        reliability: int | None,
        age_minutes: int | None,
        park: str | None,
    ) -> int:
        """What a candidate costs beyond its price. ``reliability`` is in thousandths."""
        metres = DISTANCE_UNKNOWN_M if distance_m is None else distance_m
        failing = PERMILLE - (RELIABILITY_UNKNOWN if reliability is None else reliability)
        known = SIGHT_AGE_MAX_MINUTES if age_minutes is None else max(0, age_minutes)
        age = min(known, SIGHT_AGE_MAX_MINUTES)
        return (
            self.per_km_minor * metres // METRES_PER_KM
            + self.per_hour_minor * minutes_until_end // MINUTES_PER_HOUR
            + self.unreliability_minor * failing // PERMILLE
            + self.per_hour_of_age_minor * age // MINUTES_PER_HOUR
            + self.outside_park_minor * (park is None or park != self.park)
        )


_WEIGHTS: Final = (
    "per_km_minor", "per_hour_minor", "unreliability_minor", "per_hour_of_age_minor",
    "outside_park_minor",
)  # fmt: skip
PRICE_ALONE: Final = Ranking()
