"""Events of projects and gigs."""

from typing import ClassVar
from uuid import UUID

from services.contracts.events.envelope import Event


class ProjectChanged(Event):
    """Something of a project changed; ``change`` names the kind of thing. Its members hear it."""

    type: ClassVar[str] = "projects.project-changed.v1"

    project_id: UUID
    organisation_id: UUID
    change: str
    subject_id: UUID
    state: str


class GigChanged(Event):
    """A gig was assigned, handed in, accepted or sent back; publisher and worker hear it."""

    type: ClassVar[str] = "projects.gig-changed.v1"

    gig_id: UUID
    project_id: UUID
    organisation_id: UUID
    worker_id: UUID | None
    state: str


class PoolDecided(Event):
    """A customisation pool closed: ``met``, or ``released`` with nobody owing anything."""

    type: ClassVar[str] = "projects.pool-decided.v1"

    pool_id: UUID
    organisation_id: UUID
    state: str
    pooled: int
