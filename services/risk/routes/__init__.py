"""HTTP of risk, under ``/risk``."""

from fastapi import APIRouter

from services.risk.routes import collecting, delivering, notices, releasing

router = APIRouter(prefix="/risk", tags=["risk"])
for part in (notices, releasing, delivering, collecting):
    router.include_router(part.router)
