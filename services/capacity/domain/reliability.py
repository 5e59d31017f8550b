"""How reliable (可靠性) a machine was: the share of the time it was meant to work that it could.

After availability of ISO 22400-2 §9, on what its timeline tells: a failure counts against it;
planned maintenance, being switched off and silence count neither way.
"""

from datetime import datetime, timedelta
from typing import Final

from services.contracts.intervals import Interval

RELIABILITY_DAYS: Final = timedelta(days=28)
KNOWN_LEAST: Final = timedelta(days=1)
"""Of less nobody can tell."""
_PERMILLE: Final = 1_000


def reliability_days(now: datetime) -> Interval:
    """The whole days in UTC that reliability is told of: it changes once a day."""
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return Interval(today - RELIABILITY_DAYS, today)


def reliability_of(*, able: timedelta, failed: timedelta) -> int | None:
    """Whole thousandths, never more than they are; ``None`` while too little is known."""
    meant = able + failed
    return None if meant < KNOWN_LEAST else _PERMILLE * able // meant
