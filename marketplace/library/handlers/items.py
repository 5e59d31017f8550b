"""Use cases of items and their versions."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar
from uuid import UUID

from sqlmodel import Session

from marketplace.directions.domain import Directions
from marketplace.library.domain import (
    ITEM,
    File,
    Item,
    ItemState,
    ItemVersion,
    Terms,
    check_kind,
    check_not_withdrawn,
    check_revision,
    edited,
    moved,
)
from marketplace.library.store import items as store
from services.capacity.domain import Visibility
from services.contracts.access import Acting
from services.contracts.confidentiality import CONFIDENTIAL
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.events.library import ItemChanged
from services.contracts.ids import OrganisationId
from services.identity import handlers as identity
from services.runtime.audit.recording import note
from services.runtime.clock import Clock
from services.runtime.files import handlers as documents
from services.runtime.outbox import emit


class ItemNotFoundError(DomainError):
    code: ClassVar[str] = "library-item-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "No library item {item_id} is open to you; list /library-items."
    zh: ClassVar[str] = "没有您可查看的资源库条目 {item_id}；请查看 /library-items。"


class VersionNotFoundError(DomainError):
    code: ClassVar[str] = "library-version-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "No version {version_id} is open to you; list the versions of the item."
    zh: ClassVar[str] = "没有您可查看的版本 {version_id}；请查看该条目的版本列表。"


class ItemPlaceError(DomainError):
    code: ClassVar[str] = "library-item-placeless"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = (
        "An item of visibility {visibility} names a {visibility} you belong to; others name none."
    )
    zh: ClassVar[str] = (
        "可见范围为 {visibility} 的条目须指明您所属的园区或空间；其他可见范围不得指明。"
    )


class VersionFileError(DomainError):
    code: ClassVar[str] = "library-file-unfit"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = (
        "Document {document_id} cannot be part of a version; upload it as confidential with"
        " subject_kind=library_item and the item's id as subject_id, and name it once."
    )
    zh: ClassVar[str] = (
        "文档 {document_id} 不能作为版本文件；请以 confidential 级别上传，"
        "subject_kind=library_item，subject_id 为条目编号，且不得重复。"
    )


def create_item(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    directions: Directions,
    direction: int,
    kind: str,
    title: str,
    title_zh: str,
    abstract: str,
    abstract_zh: str,
    terms: Terms,
    visibility: Visibility | None = None,
    park: str | None = None,
    space_id: UUID | None = None,
    attributes: Mapping[str, Any],
) -> Item:
    """A draft of an item: its files are uploaded for it, then published as its first version.

    Raises:
        UnknownDirectionError, NotLicensableError, KindNotInDirectionError, AttributeUnknownError,
        AttributeMissingError, AttributeInvalidError, VisibilityNotInDirectionError: what the
            direction does not open, or let be said.
        TermsIncompleteError: as it says.
        ItemPlaceError: visible in a park or space it is not in.
    """
    opened = directions.numbered(direction)
    check_kind(opened, kind, attributes)
    visibility = visibility or opened.usual_visibility
    opened.check_visibility(visibility)
    terms.check()
    _check_place(session, organisation_id, visibility, park=park, space_id=space_id)
    now = clock.now()
    item = Item(
        id=clock.new_id(),
        organisation_id=organisation_id,
        direction=direction,
        kind=kind,
        title=title,
        title_zh=title_zh,
        abstract=abstract,
        abstract_zh=abstract_zh,
        terms=terms,
        visibility=visibility,
        state=ItemState.DRAFT,
        revision=1,
        created_at=now,
        updated_at=now,
        park=park,
        space_id=space_id,
        attributes=attributes,
    )
    store.insert_item(session, item)
    _tell(session, clock, None, item)
    return item


def edit_item(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    directions: Directions,
    item_id: UUID,
    title: str,
    title_zh: str,
    abstract: str,
    abstract_zh: str,
    terms: Terms,
    attributes: Mapping[str, Any],
    expected: int | None = None,
) -> Item:
    """Say something else of an own item. Kind, direction and visibility stay.

    Raises:
        ItemNotFoundError, ItemVersionMismatchError, ItemStateError, TermsIncompleteError,
        AttributeUnknownError, AttributeMissingError, AttributeInvalidError: as they say.
    """
    current = own_item(session, organisation_id, item_id, lock=True)
    check_revision(current, expected)
    check_kind(directions.numbered(current.direction), current.kind, attributes)
    item = edited(
        current,
        title=title,
        title_zh=title_zh,
        abstract=abstract,
        abstract_zh=abstract_zh,
        terms=terms,
        attributes=attributes,
        now=clock.now(),
    )
    store.save_item(session, item)
    _tell(session, clock, current, item)
    return item


def withdraw_item(
    *, session: Session, clock: Clock, organisation_id: OrganisationId, item_id: UUID
) -> Item:
    """Grant no more licences of an own item; those there are go on. Done twice, it stays so.

    Raises:
        ItemNotFoundError: the organisation has none such.
    """
    current = own_item(session, organisation_id, item_id, lock=True)
    if current.state is ItemState.WITHDRAWN:
        return current
    item = moved(current, ItemState.WITHDRAWN, now=clock.now())
    store.save_item(session, item)
    _tell(session, clock, current, item)
    return item


def publish_version(
    *,
    session: Session,
    clock: Clock,
    acting: Acting,
    item_id: UUID,
    label: str,
    changelog: str,
    document_ids: Sequence[UUID],
) -> ItemVersion:
    """Publish own documents as the next version of an own item; the first publishes the item.

    Raises:
        ItemNotFoundError, ItemStateError, DocumentNotFoundError, VersionFileError: as they say.
    """
    item = own_item(session, acting.organisation_id, item_id, lock=True)
    check_not_withdrawn(item, "publish a version")
    files = tuple(
        _file(session, clock, acting, item, document_id, document_ids[:place])
        for place, document_id in enumerate(document_ids)
    )
    version = ItemVersion(
        id=clock.new_id(),
        organisation_id=item.organisation_id,
        item_id=item.id,
        number=store.next_number(session, item.id),
        label=label,
        changelog=changelog,
        created_at=clock.now(),
        files=files,
    )
    store.insert_version(session, version)
    note(session, subject_kind="library_version", subject_id=version.id, after=version)
    published = moved(item, ItemState.PUBLISHED, now=clock.now())
    store.save_item(session, published)
    _tell(session, clock, item, published)
    return version


def withdraw_version(
    *, session: Session, clock: Clock, organisation_id: OrganisationId, version_id: UUID
) -> ItemVersion:
    """Show an own version to nobody but who was licensed before. Done twice, it stays so.

    Raises:
        VersionNotFoundError: the organisation has none such.
    """
    current = store.find_version(session, version_id, lock=True)
    if current is None or current.organisation_id != organisation_id:
        raise VersionNotFoundError(version_id=version_id)
    if current.withdrawn_at is not None:
        return current
    version = replace(current, withdrawn_at=clock.now())
    store.save_withdrawal(session, version)
    note(
        session,
        subject_kind="library_version",
        subject_id=version.id,
        before=current,
        after=version,
    )
    return version


def stop_sharing(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    park: str | None = None,
    space_id: UUID | None = None,
) -> None:
    """Take what a firm shared in a park or space back, unless it is in there after all."""
    del clock  # the record says when
    reach = identity.reach(session=session, organisation_id=organisation_id)
    if not reach.includes(park=park, space_id=space_id):
        store.narrow_items(session, organisation_id, park=park, space_id=space_id)


def get_item(*, session: Session, item_id: UUID) -> Item:
    """An item the caller may see.

    Raises:
        ItemNotFoundError: there is none.
    """
    item = store.find_item(session, item_id)
    if item is None:
        raise ItemNotFoundError(item_id=item_id)
    return item


def list_items(
    *,
    session: Session,
    after: UUID | None,
    limit: int,
    organisation_id: OrganisationId | None = None,
    direction: int | None = None,
    kind: str | None = None,
    state: ItemState | None = None,
) -> list[Item]:
    """A page of the items the caller may see, in order of creation."""
    return store.items_after(
        session,
        after=after,
        limit=limit,
        organisation_id=organisation_id,
        direction=direction,
        kind=kind,
        state=state,
    )


def get_version(*, session: Session, version_id: UUID) -> ItemVersion:
    """A version the caller may see, with the names of its files.

    Raises:
        VersionNotFoundError: there is none.
    """
    version = store.find_version(session, version_id)
    if version is None:
        raise VersionNotFoundError(version_id=version_id)
    return version


def list_versions(
    *, session: Session, item_id: UUID, after: UUID | None, limit: int
) -> list[ItemVersion]:
    """A page of the versions of an item the caller may see, the oldest first.

    Raises:
        ItemNotFoundError: there is no such item.
    """
    get_item(session=session, item_id=item_id)
    return store.versions_after(session, item_id, after=after, limit=limit)


def own_item(
    session: Session, organisation_id: OrganisationId, item_id: UUID, *, lock: bool = False
) -> Item:
    """An item of the organisation; another's is as good as absent."""
    item = store.find_item(session, item_id, lock=lock)
    if item is None or item.organisation_id != organisation_id:
        raise ItemNotFoundError(item_id=item_id)
    return item


def _check_place(
    session: Session,
    organisation_id: OrganisationId,
    visibility: Visibility,
    *,
    park: str | None,
    space_id: UUID | None,
) -> None:
    wanted = (visibility is Visibility.PARK, visibility is Visibility.SPACE)
    if wanted != (park is not None, space_id is not None):
        raise ItemPlaceError(visibility=visibility)
    if any(wanted):
        reach = identity.reach(session=session, organisation_id=organisation_id)
        if not reach.includes(park=park, space_id=space_id):
            raise ItemPlaceError(visibility=visibility)


def _file(
    session: Session,
    clock: Clock,
    acting: Acting,
    item: Item,
    document_id: UUID,
    before: Sequence[UUID],
) -> File:
    found = documents.get_document(
        session=session, clock=clock, acting=acting, document_id=document_id
    )
    is_fit = (
        found.organisation_id == item.organisation_id
        and (found.subject_kind, found.subject_id) == (ITEM, item.id)
        and found.confidentiality is CONFIDENTIAL
    )
    if not is_fit or document_id in before:
        raise VersionFileError(document_id=document_id)
    return File(found.id, found.name, found.media_type, found.size, found.sha256)


def _tell(session: Session, clock: Clock, before: Item | None, after: Item) -> None:
    note(session, subject_kind=ITEM, subject_id=after.id, before=before, after=after)
    now = clock.now()
    event = ItemChanged(
        id=clock.new_id(),
        occurred_at=now,
        item_id=after.id,
        organisation_id=after.organisation_id,
        state=after.state,
        audience=after.audience,
    )
    emit(session, event, now=now)
