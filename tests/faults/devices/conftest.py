"""Fixtures of the guarded broker."""

from tests.support.devices import firms, guard, guarded_broker

__all__ = ["firms", "guard", "guarded_broker"]
