"""HTTP doors of identity."""

from typing import Final

from services.identity.routes import (
    communities,
    invitations,
    organisations,
    people,
    verification,
)

ROUTERS: Final = tuple(
    part.router for part in (organisations, verification, people, invitations, communities)
)
