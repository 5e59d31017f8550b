"""Events of the library."""

from typing import ClassVar
from uuid import UUID

from services.contracts.events.envelope import Event


class ItemChanged(Event):
    """What a library item says, its state or its versions changed: search follows it."""

    type: ClassVar[str] = "library.item-changed.v1"

    item_id: UUID
    organisation_id: UUID
    state: str


class LicenceChanged(Event):
    """A licence was asked for, paid or given up; its two parties hear of it."""

    type: ClassVar[str] = "library.licence-changed.v1"

    licence_id: UUID
    item_id: UUID
    organisation_id: UUID
    owner_id: UUID
    state: str


class ItemAccessed(Event):
    """A version was downloaded under a licence: counted once; its two parties hear of it."""

    type: ClassVar[str] = "library.item-accessed.v1"

    access_id: UUID
    item_id: UUID
    version_id: UUID
    licence_id: UUID
    organisation_id: UUID
    owner_id: UUID


class ReuseReported(Event):
    """A licensee states what it did with an item, and the minutes it says that saved."""

    type: ClassVar[str] = "library.reuse-reported.v1"

    reuse_id: UUID
    item_id: UUID
    organisation_id: UUID
    owner_id: UUID
    minutes_saved: int | None
