"""HTTP doors of access."""

from fastapi import APIRouter

from services.access.routes import factors, keys, openid, passkeys, passwords, sessions

router = APIRouter(tags=["access"])
for part in (sessions, passwords, factors, passkeys, openid, keys):
    router.include_router(part.router)
