"""Where in a resource's free time a slot fits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.capacity.domain import WITHDRAW_HORIZON, WITHDRAWING
from services.matching.domain import Requirement
from services.matching.engine.interface import (
    MINUTE,
    FreeGap,
    OfferedResource,
    ceil_minute,
    floor_minute,
)


@dataclass(frozen=True, slots=True)
class SlotSearch:
    """Minutes bounding a search, and what was found.

    ``start`` respects the live state, ``start_if_in_service`` ignores it; ``longest_free`` is the
    longest free time inside the bounds, live state ignored. ``live_from`` is later than
    ``not_before`` when the live state takes some of the bounds away. ``occupied`` is how long a
    slot is: set-up and the minutes asked.
    """

    occupied: int
    not_before: int
    live_from: int
    end_by: int
    start: int | None
    start_if_in_service: int | None
    longest_free: int


def search(requirement: Requirement, resource: OfferedResource, *, now: datetime) -> SlotSearch:
    """The earliest slot of ``resource`` for ``requirement``."""
    not_before = max(
        ceil_minute(requirement.window.start), ceil_minute(now) + resource.notice_minutes
    )
    end_by = min(floor_minute(requirement.window.end), floor_minute(now) + resource.horizon_minutes)
    live_from = not_before
    if resource.state in WITHDRAWING:
        live_from = max(not_before, ceil_minute(now) + WITHDRAW_HORIZON // MINUTE)
    roomy = [gap for gap in resource.gaps if gap.units >= requirement.units]
    occupied = resource.setup_minutes + requirement.minutes
    lengths = (min(gap.end, end_by) - max(gap.start, not_before) for gap in roomy)
    return SlotSearch(
        occupied=occupied,
        not_before=not_before,
        live_from=live_from,
        end_by=end_by,
        start=_earliest(roomy, occupied, live_from, end_by),
        start_if_in_service=_earliest(roomy, occupied, not_before, end_by),
        longest_free=max(0, max(lengths, default=0)),
    )


def _earliest(gaps: Sequence[FreeGap], minutes: int, not_before: int, end_by: int) -> int | None:
    starts = ((max(gap.start, not_before), min(gap.end, end_by)) for gap in gaps)
    return min((start for start, end in starts if start + minutes <= end), default=None)
