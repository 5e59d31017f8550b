"""Use cases of downloads and of what became of them: counted, fetched, cited."""

from typing import ClassVar, Final
from uuid import UUID

from sqlmodel import Session

from marketplace.library.domain import (
    Access,
    File,
    ItemVersion,
    Licence,
    Reuse,
    TermsKind,
    Use,
    check_open,
)
from marketplace.library.handlers.items import get_item, get_version, own_item
from marketplace.library.handlers.licences import check_nda
from marketplace.library.store import licences as store
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.events.envelope import Audience
from services.contracts.events.library import ItemAccessed, ReuseReported
from services.contracts.ids import OrganisationId
from services.ledger import handlers as ledger
from services.runtime.audit.recording import note
from services.runtime.clock import Clock
from services.runtime.outbox import emit
from services.runtime.tenancy import principal_of

DOWNLOADED: Final = "downloaded"


class NotLicensedError(DomainError):
    code: ClassVar[str] = "library-not-licensed"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "Your organisation has no licence of item {item_id}; ask for one by"
        " POST /library-items/{item_id}/licences."
    )
    zh: ClassVar[str] = (
        "贵组织没有条目 {item_id} 的许可；请通过 POST /library-items/{item_id}/licences 申请。"
    )


class AccessNotFoundError(DomainError):
    code: ClassVar[str] = "library-access-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "Your organisation made no download {access_id}; list /library-accesses."
    zh: ClassVar[str] = "贵组织没有下载记录 {access_id}；请查看 /library-accesses。"


class AccessClosedError(DomainError):
    code: ClassVar[str] = "library-access-closed"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "Download {access_id} was open until {until}; download the version again to fetch files."
    )
    zh: ClassVar[str] = "下载 {access_id} 的有效期至 {until}；请重新下载该版本。"


class FileNotInVersionError(DomainError):
    code: ClassVar[str] = "library-file-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "Download {access_id} has no file {document_id}; read its files."
    zh: ClassVar[str] = "下载 {access_id} 中没有文件 {document_id}；请查看其文件列表。"


def download(
    *, session: Session, clock: Clock, organisation_id: OrganisationId, version_id: UUID
) -> Access:
    """Count a download under an own licence, and pay for it where each is paid for.

    Raises:
        VersionNotFoundError, NotLicensedError, NdaRequiredError, LicenceClosedError: as they say.
    """
    version = get_version(session=session, version_id=version_id)
    item = get_item(session=session, item_id=version.item_id)
    licence = _licence(session, item.id, organisation_id)
    check_nda(session, clock, item, organisation_id)
    check_open(licence, now=clock.now())
    access = Access(
        id=clock.new_id(),
        organisation_id=organisation_id,
        owner_id=item.organisation_id,
        item_id=item.id,
        version_id=version.id,
        licence_id=licence.id,
        actor_id=principal_of(session).id,
        at=clock.now(),
    )
    store.insert_access(session, access)
    _pay(session, clock, licence, access)
    note(session, subject_kind="library_access", subject_id=access.id, after=access)
    _tell_access(session, clock, access)
    return access


def get_access(
    *, session: Session, organisation_id: OrganisationId, access_id: UUID
) -> tuple[Access, ItemVersion]:
    """An own download and the version it was of.

    Raises:
        AccessNotFoundError: the organisation made none such.
    """
    access = store.find_access(session, access_id, organisation_id=organisation_id)
    if access is None:
        raise AccessNotFoundError(access_id=access_id)
    return access, get_version(session=session, version_id=access.version_id)


def open_file(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    access_id: UUID,
    document_id: UUID,
) -> File:
    """One file of an own download, for as long as that stays open.

    Raises:
        AccessNotFoundError, AccessClosedError, FileNotInVersionError: as they say.
    """
    access, version = get_access(
        session=session, organisation_id=organisation_id, access_id=access_id
    )
    found = next((one for one in version.files if one.document_id == document_id), None)
    if found is None:
        raise FileNotInVersionError(access_id=access_id, document_id=document_id)
    if access.open_until <= clock.now():
        raise AccessClosedError(access_id=access_id, until=access.open_until)
    return found


def list_accesses(
    *, session: Session, organisation_id: OrganisationId, after: UUID | None, limit: int
) -> list[Access]:
    """A page of own downloads, in order."""
    return store.accesses_after(session, organisation_id=organisation_id, after=after, limit=limit)


def list_uses(
    *,
    session: Session,
    organisation_id: OrganisationId,
    item_id: UUID,
    after: UUID | None,
    limit: int,
) -> list[Access]:
    """A page of the downloads of an own item, by whomever.

    Raises:
        ItemNotFoundError: the organisation has none such.
    """
    own_item(session, organisation_id, item_id)
    return store.accesses_after(session, item_id=item_id, after=after, limit=limit)


def use(*, session: Session, organisation_id: OrganisationId, item_id: UUID) -> Use:
    """What became of an own item, counted.

    Raises:
        ItemNotFoundError: the organisation has none such.
    """
    own_item(session, organisation_id, item_id)
    return store.use_of(session, item_id)


def report_reuse(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    item_id: UUID,
    about: str,
    citation: str | None,
    minutes_saved: int | None,
) -> Reuse:
    """State what was done with a licensed item; the time saved is the user's word.

    Raises:
        ItemNotFoundError, NotLicensedError: as they say.
    """
    item = get_item(session=session, item_id=item_id)
    licence = _licence(session, item.id, organisation_id)
    reuse = Reuse(
        id=clock.new_id(),
        organisation_id=organisation_id,
        owner_id=item.organisation_id,
        item_id=item.id,
        licence_id=licence.id,
        about=about,
        citation=citation,
        minutes_saved=minutes_saved,
        at=clock.now(),
    )
    store.insert_reuse(session, reuse)
    note(session, subject_kind="library_reuse", subject_id=reuse.id, after=reuse)
    event = ReuseReported(
        id=clock.new_id(),
        occurred_at=reuse.at,
        reuse_id=reuse.id,
        item_id=reuse.item_id,
        organisation_id=reuse.organisation_id,
        owner_id=reuse.owner_id,
        minutes_saved=reuse.minutes_saved,
        audience=Audience(organisation_ids=(reuse.organisation_id, reuse.owner_id)),
    )
    emit(session, event, now=reuse.at)
    return reuse


def list_reuses(
    *, session: Session, party: OrganisationId, item_id: UUID, after: UUID | None, limit: int
) -> list[Reuse]:
    """A page of the reports on an item one made, or received as its owner.

    Raises:
        ItemNotFoundError: no such item is open to ``party``.
    """
    get_item(session=session, item_id=item_id)
    return store.reuses_after(session, item_id, party=party, after=after, limit=limit)


def _licence(session: Session, item_id: UUID, organisation_id: OrganisationId) -> Licence:
    found = store.lock_newest_licence(session, item_id, organisation_id=organisation_id)
    if found is None:
        raise NotLicensedError(item_id=item_id)
    return found


def _pay(session: Session, clock: Clock, licence: Licence, access: Access) -> None:
    if licence.terms.kind is not TermsKind.PER_DOWNLOAD:
        return
    assert licence.escrow_id is not None, "what is paid for has an escrow"
    assert licence.terms.fee is not None, "what is paid for has a fee"
    ledger.release(
        session=session,
        clock=clock,
        escrow_id=licence.escrow_id,
        amount=licence.terms.fee,
        because=DOWNLOADED,
        fact_id=access.id,
    )


def _tell_access(session: Session, clock: Clock, access: Access) -> None:
    event = ItemAccessed(
        id=clock.new_id(),
        occurred_at=access.at,
        access_id=access.id,
        item_id=access.item_id,
        version_id=access.version_id,
        licence_id=access.licence_id,
        organisation_id=access.organisation_id,
        owner_id=access.owner_id,
        audience=Audience(organisation_ids=(access.organisation_id, access.owner_id)),
    )
    emit(session, event, now=access.at)
