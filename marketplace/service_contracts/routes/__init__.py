"""Routes of service contracts."""

from typing import Final

from marketplace.service_contracts.routes import contracts, orders, sessions

ROUTERS: Final = (contracts.router, orders.router, sessions.router)
