"""The envelope every event travels in; its type names context, fact and version."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from services.contracts.access import Principal

SUBJECT_PREFIX = "events."


class Audience(BaseModel):
    """Who may hear of an event on a live stream; by default nobody.

    ``organisation_ids`` are concerned themselves; ``visibility`` opens it to others as it does the
    thing the event is about: ``public``, ``park`` with ``park``, ``space`` with ``space_id``.
    ``private`` narrows it to those who manage.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    organisation_ids: tuple[UUID, ...] = ()
    visibility: str = "organisation"
    park: str | None = None
    space_id: UUID | None = None

    def admits(self, listener: Principal) -> bool:
        """Whether ``listener`` may hear."""
        if self.visibility == "public":
            return True
        if listener.organisation_id in self.organisation_ids:
            return self.visibility != "private" or listener.manages
        if self.visibility == "park":
            return self.park in listener.parks
        return self.visibility == "space" and self.space_id in listener.spaces


class Event(BaseModel):
    """A fact, told once. Subclasses set ``type``, e.g. ``capacity.resource-state-changed.v1``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: ClassVar[str]

    id: UUID
    occurred_at: datetime
    audience: Audience = Audience()

    @classmethod
    def subject(cls) -> str:
        """The bus subject this event is published on."""
        return SUBJECT_PREFIX + cls.type
