"""Events of incubation: teams, and introductions of which only their two parties hear."""

from typing import ClassVar
from uuid import UUID

from services.contracts.events.envelope import Event


class TeamChanged(Event):
    """A team was admitted, graduated, or was seen to survive or to have ceased."""

    type: ClassVar[str] = "incubation.team-changed.v1"

    incubated_team_id: UUID
    organisation_id: UUID
    team_id: UUID
    fact: str


class IntroductionChanged(Event):
    """An introduction was asked for, consented to, revoked or closed."""

    type: ClassVar[str] = "incubation.introduction-changed.v1"

    introduction_id: UUID
    organisation_id: UUID
    investor_id: UUID
    state: str
