"""Language and theme of a reader: asked in the address, remembered in cookies."""

from typing import Final

from fastapi import Request
from starlette.responses import Response

from gateway.portal.languages import LANGUAGE_COOKIE, chosen_language
from services.runtime.web import Language

THEME_COOKIE: Final = "nonagon_theme"
REMEMBERED_S: Final = 365 * 24 * 3600


def language_of(request: Request) -> Language:
    return chosen_language(
        asked=request.query_params.get("lang"),
        remembered=request.cookies.get(LANGUAGE_COOKIE),
        accept_language=request.headers.get("accept-language"),
    )


def theme_of(request: Request) -> str | None:
    asked = request.query_params.get("theme") or request.cookies.get(THEME_COOKIE)
    return asked if asked in {"light", "dark"} else None


def remember(request: Request, response: Response) -> None:
    """Keep what ``request`` chose in its address."""
    chosen = (
        (LANGUAGE_COOKIE, "lang", language_of(request)),
        (THEME_COOKIE, "theme", theme_of(request)),
    )
    for cookie, parameter, value in chosen:
        if parameter in request.query_params and value:
            response.set_cookie(cookie, value, max_age=REMEMBERED_S, samesite="lax")
