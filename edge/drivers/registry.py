"""Which driver serves which profile; a driver's libraries are loaded only when it is used."""

import pkgutil
from typing import Final

from edge.drivers.protocol import DriverFactory

_FACTORIES: Final = {"machinery": "edge.drivers.opcua:create_driver"}


def driver_factory(profile: str) -> DriverFactory:
    factory: DriverFactory = pkgutil.resolve_name(_FACTORIES[profile])
    return factory
