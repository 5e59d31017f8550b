"""What routes that open or renew a session share: the answer, the cookie, who may."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import Depends, Request, Response

from services.access.domain.addresses import client_address
from services.access.domain.credentials import SignedIn
from services.access.domain.tokens import SESSION_COOKIE
from services.access.handlers.composition import Access
from services.access.schemas import SessionOpenedOut
from services.contracts.access import Principal, PrincipalKind
from services.contracts.ids import PersonId
from services.runtime.web import PrincipalDep

COOKIE: Final[Mapping[str, Any]] = {
    "key": SESSION_COOKIE,
    "path": "/",
    "secure": True,
    "httponly": True,
    "samesite": "lax",
}
BROWSERS_SEND: Final = "sec-fetch-site"
NOT_STORED: Final = {"cache-control": "no-store"}


class SignedInPerson:
    """The person who asks, and the session it asks with; its route's policy lets no others by."""

    def __init__(self, principal: PrincipalDep) -> None:
        assert principal.kind is PrincipalKind.PERSON, "the policy says person=True"
        assert principal.id is not None
        assert principal.credential_id is not None
        self.principal: Principal = principal
        self.person_id = PersonId(principal.id)
        self.session_id = principal.credential_id


PersonDep = Annotated[SignedInPerson, Depends()]


def _access(request: Request) -> Access:
    access: Access = request.app.state.access
    return access


AccessDep = Annotated[Access, Depends(_access)]


def _counted(request: Request, access: AccessDep) -> None:
    """One request for credentials from this address.

    Raises:
        TooManyRequestsError: the address asked too often this minute.
    """
    access.addresses.count_address(
        client_address(
            None if request.client is None else request.client.host,
            request.headers.get("x-forwarded-for"),
            request.app.state.settings.trusted_proxies,
        )
    )


counted_by_address: Final = Depends(_counted)


def _client(request: Request) -> str:
    return request.headers.get("user-agent", "")


ClientDep = Annotated[str, Depends(_client)]
"""What the caller says it is, for the list of sessions."""


def opened(
    request: Request, response: Response, signed_in: SignedIn, token: str, *, now: datetime
) -> SessionOpenedOut:
    """Hand the token over: to browsers as a cookie scripts cannot read, to programs in the body."""
    seconds = int((signed_in.expires_at - now).total_seconds())
    response.set_cookie(value=token, max_age=seconds, **COOKIE)
    response.headers.update(NOT_STORED)
    return SessionOpenedOut(
        session_id=signed_in.id,
        person_id=signed_in.person_id,
        organisation_id=signed_in.organisation_id,
        strong=signed_in.is_strong(now),
        expires_at=signed_in.expires_at,
        token=None if BROWSERS_SEND in request.headers else token,
    )


def closed(response: Response) -> None:
    response.delete_cookie(**COOKIE)
