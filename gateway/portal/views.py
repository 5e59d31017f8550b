"""Gathers the live page from the contexts: one reading, one transaction."""

from services.runtime.clock import Clock
from services.runtime.db import Sessions
from services.runtime.settings import Settings
from gateway.portal.model import Park, Name


def read_park(sessions: Sessions, clock: Clock, settings: Settings) -> Park:
    return Park(Name("Nonagon demo park", "九向示范园"), clock.now(), "Asia/Shanghai")
