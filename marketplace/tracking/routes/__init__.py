"""Routes of tracking."""

from typing import Final

from marketplace.tracking.routes import handovers, samples

ROUTERS: Final = (samples.router, handovers.router)
