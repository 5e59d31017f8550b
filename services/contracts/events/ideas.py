"""Events of idea boxes. Only the firm itself hears of them."""

from typing import ClassVar
from uuid import UUID

from services.contracts.events.envelope import Event


class IdeaDecided(Event):
    """An idea was advanced to its next stage of funding, or declined: ``advance``, ``decline``."""

    type: ClassVar[str] = "ideas.idea-decided.v1"

    idea_id: UUID
    organisation_id: UUID
    stage: str
    outcome: str
