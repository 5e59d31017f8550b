"""HTTP doors of access."""

from typing import Final

from services.access.routes import factors, keys, openid, passkeys, passwords, sessions

ROUTERS: Final = tuple(
    part.router for part in (sessions, passwords, factors, passkeys, openid, keys)
)
