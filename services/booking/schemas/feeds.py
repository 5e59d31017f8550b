"""What clients send to open a calendar feed and what they get back."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from services.booking.domain import FEED_NAME_MAX, Feed
from services.contracts.documents import Document


class FeedIn(Document):
    """A feed of all bookings of the organisation, or of those of one resource."""

    name: Annotated[str, Field(min_length=1, max_length=FEED_NAME_MAX)]
    resource_id: UUID | None = None


class FeedOut(BaseModel):
    """A feed, without its address."""

    id: UUID
    name: str
    resource_id: UUID | None
    created_at: datetime
    revoked_at: datetime | None

    @classmethod
    def of(cls, feed: Feed) -> "FeedOut":
        return cls(
            id=feed.id,
            name=feed.name,
            resource_id=feed.resource_id,
            created_at=feed.created_at,
            revoked_at=feed.revoked_at,
        )


class FeedMade(FeedOut):
    path: str = Field(description="the secret address on this host; it is shown this once")

    @classmethod
    def made(cls, feed: Feed, path: str) -> "FeedMade":
        return cls(**FeedOut.of(feed).model_dump(), path=path)
