"""The envelope every event travels in; its type names context, fact and version."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

SUBJECT_PREFIX = "events."


class Event(BaseModel):
    """A fact, told once. Subclasses set ``type``, e.g. ``capacity.resource-state-changed.v1``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: ClassVar[str]

    id: UUID
    occurred_at: datetime

    @classmethod
    def subject(cls) -> str:
        """The bus subject this event is published on."""
        return SUBJECT_PREFIX + cls.type
