"""HTTP doors of identity."""

from fastapi import APIRouter

from services.identity.routes import (
    communities,
    invitations,
    organisations,
    people,
    verification,
)

router = APIRouter(tags=["identity"])
for part in (organisations, verification, people, invitations, communities):
    router.include_router(part.router)
