"""Pure-ASGI middleware for cookies: no other site acts through them, and dead ones are removed.

A browser attaches the session cookie to whatever any page makes it send. SameSite=Lax keeps it from
most; what is left is refused by where the request says it comes from (OWASP ASVS 5 §3.5).
"""

from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.http.middleware import REQUEST_ID_KEY
from gateway.http.problems import Problem, problem_response
from services.access.domain.tokens import SESSION_COOKIE

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
UNAUTHENTICATED: Final = 401
_FORGET: Final = f"{SESSION_COOKIE}=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=lax"


class BrowserSessions:
    """Refuses changes asked by another site; has a browser forget a session that is over."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        by_cookie = carries_cookie(headers)
        if scope["method"] not in SAFE_METHODS and is_foreign(headers):
            await _refuse(scope, receive, send, headers)
            return

        async def send_forgetting(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == UNAUTHENTICATED:
                MutableHeaders(scope=message).append("set-cookie", _FORGET)
            await send(message)

        await self._app(scope, receive, send_forgetting if by_cookie else send)


def carries_cookie(headers: Headers) -> bool:
    """Whether the request is somebody's by its cookie; a token in the header comes first."""
    cookies = cookie_parser(headers.get("cookie", ""))
    return "authorization" not in headers and SESSION_COOKIE in cookies


def is_foreign(headers: Headers) -> bool:
    """Whether a changing request comes from a page of another origin, or hides where it comes from.

    No page adds a token to what another sends, so a request with one is its sender's own. A browser
    that sends a cookie says where the request comes from, so one that does not is refused.
    """
    if "authorization" in headers:
        return False
    origin = headers.get("origin")
    if origin is not None:
        return urlsplit(origin).netloc.lower() != headers.get("host", "").lower()
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site != "same-origin"
    return carries_cookie(headers)


async def _refuse(scope: Scope, receive: Receive, send: Send, headers: Headers) -> None:
    origin = (headers.get("origin") or "unknown")[:200]
    problem = Problem(
        status=403,
        code="foreign-origin",
        en=f"A page of {origin} may not change anything here; use the platform's own pages, or"
        " send a token in the Authorization header.",
        zh=f"来自 {origin} 的页面无权在此更改；"
        "请使用平台自身页面，或在 Authorization 头中提供令牌。",
    )
    response = problem_response(
        problem,
        accept_language=headers.get("accept-language"),
        request_id=scope.get(REQUEST_ID_KEY, "-"),
    )
    await response(scope, receive, send)
