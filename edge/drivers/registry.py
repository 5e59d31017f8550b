"""Which driver serves which profile; a driver's libraries are loaded only when it is used."""

import pkgutil
from collections.abc import Sequence
from typing import Final

from edge.config import EdgeConfig
from edge.drivers.protocol import Driver, DriverFactory, Listener

_FACTORIES: Final = {"machinery": "edge.drivers.opcua:create_drivers"}


def create_drivers(config: EdgeConfig, listeners: Sequence[Listener]) -> list[Driver]:
    """A driver for each machine of ``config``; ``listeners`` stand in the same order.

    Raises:
        DriverUnusableError: what the drivers share cannot be had.
    """
    pairs = list(zip(config.machines, listeners, strict=True))
    drivers: list[Driver] = []
    for profile, name in _FACTORIES.items():
        factory: DriverFactory = pkgutil.resolve_name(name)
        drivers += factory(config, [pair for pair in pairs if pair[0].profile == profile])
    return drivers
