"""Parks and chain spaces as the API takes and shows them."""

from datetime import datetime
from uuid import UUID

from services.contracts.documents import Document
from services.identity.domain import CommunityMember, Park, Space
from services.identity.schemas.base import Name
from services.identity.schemas.organisations import ParkCode


class ParkCreate(Document):
    code: ParkCode
    name: Name
    name_zh: Name


class ParkRead(Document):
    code: str
    organisation_id: UUID
    name: str
    name_zh: str

    @classmethod
    def of(cls, park: Park) -> "ParkRead":
        return cls(
            code=park.code,
            organisation_id=park.organisation_id,
            name=park.name,
            name_zh=park.name_zh,
        )


class ParkPage(Document):
    """``next`` is the ``after`` of the following page, ``null`` on the last."""

    items: list[ParkRead]
    next: str | None


class SpaceCreate(Document):
    name: Name
    name_zh: Name


class SpaceRead(Document):
    id: UUID
    organisation_id: UUID
    name: str
    name_zh: str
    created_at: datetime

    @classmethod
    def of(cls, space: Space) -> "SpaceRead":
        return cls(
            id=space.id,
            organisation_id=space.organisation_id,
            name=space.name,
            name_zh=space.name_zh,
            created_at=space.created_at,
        )


class CommunityMemberRead(Document):
    organisation_id: UUID
    name: str
    name_zh: str
    since: datetime

    @classmethod
    def of(cls, member: CommunityMember) -> "CommunityMemberRead":
        return cls(
            organisation_id=member.organisation_id,
            name=member.name,
            name_zh=member.name_zh,
            since=member.since,
        )
