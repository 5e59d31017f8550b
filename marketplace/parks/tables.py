"""Services of parks and what is asked of them."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from marketplace.parks.domain import ServiceKind, State
from services.runtime.tables import instant


def _one_of(words: Any) -> str:
    return ", ".join(f"'{word}'" for word in sorted(words))


class ServiceRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "park_service"
    __table_args__ = (
        CheckConstraint(f"kind IN ({_one_of(ServiceKind)})", name="kind"),
        CheckConstraint("answer_hours > 0", name="answers"),
        UniqueConstraint("organisation_id", "park", "id"),
        Index("ix_park_service_park_id", "park", "id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    park: str = Field(foreign_key="park.code")
    kind: str
    title: str
    title_zh: str
    text: str
    answer_hours: int
    created_at: datetime = instant()


class ServiceRequestRow(SQLModel, table=True):
    """Of the asker; the provider reads and answers it."""

    __tablename__: ClassVar[str] = "park_request"
    __table_args__ = (
        CheckConstraint(f"state IN ({_one_of(State)})", name="state"),
        CheckConstraint("organisation_id <> provider_id", name="of_two"),
        CheckConstraint("version >= 1", name="counted"),
        CheckConstraint(
            "(state NOT IN ('accepted', 'declined', 'done') OR answered_at IS NOT NULL)"
            " AND (state = 'done') = (done_at IS NOT NULL)",
            name="dated",
        ),
        ForeignKeyConstraint(
            ["provider_id", "park", "service_id"],
            ["park_service.organisation_id", "park_service.park", "park_service.id"],
            name="fk_park_request_of_service",
        ),
        Index("ix_park_request_organisation_id_id", "organisation_id", "id"),
        Index("ix_park_request_provider_id_id", "provider_id", "id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisation.id")
    provider_id: UUID
    service_id: UUID
    park: str
    text: str
    state: str
    version: int
    due_at: datetime = instant()
    created_at: datetime = instant()
    updated_at: datetime = instant()
    answered_at: datetime | None = instant(nullable=True)
    done_at: datetime | None = instant(nullable=True)
    remark: str | None = None
