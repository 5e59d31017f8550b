"""The pages to sign in and out; they work without scripts, so that nobody is kept out by one."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from gateway.portal.preferences import language_of, remember, theme_of
from gateway.portal.rendering import Renderer
from services.access.handlers.factors import FactorNeededError
from services.access.handlers.sessions import revoke_session
from services.access.handlers.signing_in import Opened, sign_in
from services.access.routes.opening import COOKIE, counted_by_address
from services.contracts.access import Principal, PrincipalKind
from services.contracts.errors import DomainError, ErrorKind
from services.runtime.db import transaction

FIELD_MAX: Final = 320
SEE_OTHER: Final = 303
UNPROCESSABLE: Final = 422
HOME: Final = "/"
STATUS: Final = {
    ErrorKind.UNAUTHENTICATED: 401,
    ErrorKind.TOO_MANY: 429,
    ErrorKind.UNAVAILABLE: 503,
}


@dataclass(frozen=True, slots=True)
class SignInForm:
    """What somebody typed; ``next`` is where they were going."""

    email: str = ""
    password: str = ""
    code: str = ""
    next: str = HOME

    @classmethod
    def of(cls, body: bytes) -> "SignInForm":
        sent = parse_qs(body.decode("utf-8", "replace"), max_num_fields=20)
        fields = {name: sent.get(name, [""])[0][:FIELD_MAX] for name in ("email", "code", "next")}
        password = sent.get("password", [""])[0]
        return cls(**fields | {"next": own_path(fields["next"])}, password=password)


def own_path(path: str) -> str:
    """``path`` if it leads to a page of ours, else home: nobody is sent elsewhere from here."""
    is_ours = path.startswith("/") and not path.startswith(("//", "/\\"))
    return path if is_ours and path.isprintable() else HOME


def router_of(renderer: Renderer, viewer_of: Callable[[Request], Principal]) -> APIRouter:
    """The pages; ``viewer_of`` tells who looks."""
    router = APIRouter()

    def page(request: Request, form: SignInForm, refusal: DomainError | None) -> HTMLResponse:
        language = language_of(request)
        html = renderer.page(
            "sign_in.html",
            language,
            theme=theme_of(request),
            form=form,
            refusal=None if refusal is None else refusal.text(language),
            asks_code=isinstance(refusal, FactorNeededError) or bool(form.code),
        )
        status = 200 if refusal is None else STATUS.get(refusal.kind, UNPROCESSABLE)
        response = HTMLResponse(html, status, headers={"cache-control": "no-store"})
        remember(request, response)
        return response

    @router.get("/sign-in")
    def sign_in_page(request: Request) -> HTMLResponse:
        return page(request, SignInForm(next=own_path(request.query_params.get("next", ""))), None)

    @router.post("/sign-in", dependencies=[counted_by_address])
    async def take_sign_in(request: Request) -> Response:
        form = SignInForm.of(await request.body())
        try:
            opened = await asyncio.to_thread(_opened, request, form)
        except DomainError as refusal:
            return page(request, form, refusal)
        response = RedirectResponse(form.next, SEE_OTHER)
        now = request.app.state.clock.now()
        seconds = int((opened.signed_in.expires_at - now).total_seconds())
        response.set_cookie(value=opened.token, max_age=seconds, **COOKIE)
        return response

    @router.post("/sign-out")
    def take_sign_out(request: Request) -> Response:
        viewer = viewer_of(request)
        state = request.app.state
        if viewer.kind is PrincipalKind.PERSON and viewer.id and viewer.credential_id:
            with transaction(state.sessions, viewer) as session:
                revoke_session(
                    session=session,
                    clock=state.clock,
                    session_id=viewer.credential_id,
                    person_id=viewer.id,
                )
            state.authenticator.forget(viewer.credential_id)
        response = RedirectResponse(HOME, SEE_OTHER)
        response.delete_cookie(**COOKIE)
        return response

    return router


def _opened(request: Request, form: SignInForm) -> Opened:
    return sign_in(
        access=request.app.state.access,
        email=form.email,
        password=form.password,
        code=form.code or None,
        client=request.headers.get("user-agent", ""),
    )
