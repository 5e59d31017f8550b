"""How often a secret may be tried."""

from datetime import timedelta
from typing import Final

TRIES_MAX: Final = 10
WINDOW: Final = timedelta(minutes=15)
"""In any 15 minutes at most ten tries of one account's secret are looked at, wherever from."""
