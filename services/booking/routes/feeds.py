"""HTTP of calendar feeds: open, list, revoke; and the public address of each."""

import hashlib
from typing import Annotated, Final
from uuid import UUID

from fastapi import Header, Path, Response

from services.booking import handlers
from services.booking.domain import FEED_TOKEN_MAX
from services.booking.schemas.feeds import FeedIn, FeedMade, FeedOut
from services.contracts.ids import ResourceId
from services.contracts.policies import Action
from services.runtime.routing import API_PREFIX, api_router
from services.runtime.tabular import Page, PageDep
from services.runtime.web import ActingDep, ClockDep, SessionDep, requires

router = api_router(tags=["bookings"])
NOT_STORED: Final = {"cache-control": "no-store"}
SHOWN: Final = {
    "cache-control": "private, max-age=300",
    "x-robots-tag": "noindex",
    "referrer-policy": "no-referrer",
}
"""A calendar program asks every few minutes at most; nobody between keeps or finds it."""


@router.post("/booking-feeds", status_code=201, dependencies=[requires(Action.FEED_OPEN)])
def open_feed(
    asked: FeedIn, response: Response, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> FeedMade:
    """Open a secret address. It is shown this once; Idempotency-Key is not read."""
    feed, token = handlers.open_feed(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        resource_id=ResourceId(asked.resource_id) if asked.resource_id else None,
        name=asked.name,
    )
    response.headers.update(NOT_STORED)
    return FeedMade.made(feed, f"{API_PREFIX}/feeds/{token}.ics")


@router.get(
    "/booking-feeds",
    response_model=Page[FeedOut],
    dependencies=[requires(Action.FEED_LIST)],
)
def list_feeds(session: SessionDep, page: PageDep, acting: ActingDep) -> Page[FeedOut] | Response:
    """Feeds by id, revoked ones included; never their addresses."""
    found = handlers.list_feeds(
        session=session, organisation_id=acting.organisation_id, after=page.after, limit=page.fetch
    )
    return page.answer(found, FeedOut.of, name="booking-feeds")


@router.delete(
    "/booking-feeds/{feed_id}", status_code=204, dependencies=[requires(Action.FEED_REVOKE)]
)
def revoke_feed(feed_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep) -> None:
    """Answer at its address no more."""
    handlers.revoke_feed(
        session=session, clock=clock, organisation_id=acting.organisation_id, feed_id=feed_id
    )


@router.get(
    "/feeds/{token}.ics",
    response_class=Response,
    responses={200: {"content": {"text/calendar": {}}}, 304: {"description": "as it was read"}},
    dependencies=[requires(Action.FEED_FOLLOW)],
)
def follow_feed(
    token: Annotated[str, Path(max_length=FEED_TOKEN_MAX)],
    session: SessionDep,
    clock: ClockDep,
    if_none_match: Annotated[str | None, Header(max_length=200)] = None,
) -> Response:
    """The bookings of a feed as an iCalendar, for whoever has its address; no prices."""
    calendar = handlers.read_feed(session=session, clock=clock, token=token)
    headers = SHOWN | {"etag": f'"{hashlib.sha256(calendar).hexdigest()}"'}
    if if_none_match is not None and headers["etag"] in if_none_match:
        return Response(status_code=304, headers=headers)
    return Response(calendar, media_type="text/calendar; charset=utf-8", headers=headers)
