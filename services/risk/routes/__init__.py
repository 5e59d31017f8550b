"""HTTP of risk, under ``/risk``."""

from typing import Final

from services.risk.routes import collecting, delivering, notices, releasing

ROUTERS: Final = tuple(part.router for part in (notices, releasing, delivering, collecting))
