"""Events of selection programmes."""

from typing import ClassVar
from uuid import UUID

from services.contracts.events.envelope import Event


class ProjectRecommended(Event):
    """A recommender recommends a project; its applicant may enter it in the call."""

    type: ClassVar[str] = "programmes.project-recommended.v1"

    application_id: UUID
    call_id: UUID


class ApplicationFiled(Event):
    """A recommended project was entered in its call."""

    type: ClassVar[str] = "programmes.application-filed.v1"

    application_id: UUID
    call_id: UUID
