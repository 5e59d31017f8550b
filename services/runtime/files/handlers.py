"""Use cases of documents."""

import hashlib
from collections.abc import Iterator
from typing import BinaryIO, ClassVar, Final
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from services.contracts.access import Acting, Role
from services.contracts.confidentiality import PUBLIC, SECRET, Confidentiality
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OrganisationId
from services.runtime.audit.recording import note
from services.runtime.clock import Clock
from services.runtime.db import Sessions, all_or_nothing, transaction
from services.runtime.files import store
from services.runtime.files.domain import Document, Reader, Received
from services.runtime.files.names import clean_name
from services.runtime.files.storage import FolderStorage, Storage

ORGANISATION_BYTES_MAX: Final = 20 * 1024**3
BLOCK_BYTES: Final = 256 * 1024


class DocumentNotFoundError(DomainError):
    code: ClassVar[str] = "document-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "No document {document_id} is open to you; list /documents."
    zh: ClassVar[str] = "没有您可查看的文档 {document_id}；请查看 /documents。"


class StorageFullError(DomainError):
    code: ClassVar[str] = "documents-full"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Your documents fill the {limit} bytes you have; delete some first."
    zh: ClassVar[str] = "您的文档已达 {limit} 字节上限；请先删除部分文档。"


class DocumentInUseError(DomainError):
    code: ClassVar[str] = "document-in-use"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "Document {document_id} is part of something shared or published, whose readers may still"
        " fetch it; withdraw that instead."
    )
    zh: ClassVar[str] = (
        "文档 {document_id} 属于已共享或已发布的内容，其用户仍可获取；请改为撤回该内容。"
    )


class SweepUnsafeError(RuntimeError):
    """Row security hides documents from this login: to it their bytes look abandoned."""


class ContentChangedError(RuntimeError):
    """What storage gives is not what was uploaded; the answer is broken off before its end."""


def add_document(
    *,
    session: Session,
    clock: Clock,
    acting: Acting,
    storage: Storage,
    received: Received,
    name: str,
    confidentiality: Confidentiality,
    subject_kind: str | None,
    subject_id: UUID | None,
) -> Document:
    """Keep what was received as a document of the acting organisation.

    Raises:
        StorageFullError: the organisation keeps too much already.
    """
    kept = store.bytes_of(session, acting.organisation_id)
    if kept + received.size > ORGANISATION_BYTES_MAX:
        raise StorageFullError(limit=ORGANISATION_BYTES_MAX)
    document = Document(
        id=clock.new_id(),
        organisation_id=acting.organisation_id,
        name=clean_name(name, received.media.extensions),
        media_type=received.media.name,
        size=received.size,
        sha256=received.sha256,
        confidentiality=confidentiality,
        subject_kind=subject_kind,
        subject_id=subject_id,
        uploaded_by=acting.principal.id,
        created_at=clock.now(),
    )
    storage.keep(received.draft, received.sha256, now=clock.now())
    store.insert_document(session, document)
    note(session, subject_kind="document", subject_id=document.id, after=_told(document))
    return document


def get_document(*, session: Session, clock: Clock, acting: Acting, document_id: UUID) -> Document:
    """A document open to the acting organisation: its own, public, or confided to it.

    Raises:
        DocumentNotFoundError: there is none, or it is not.
    """
    found = store.readable_document(session, document_id, reader_of(acting), clock.now())
    if found is None:
        raise DocumentNotFoundError(document_id=document_id)
    return found


def read_content(*, session: Session, clock: Clock, acting: Acting, document_id: UUID) -> Document:
    """A document whose bytes are about to be sent; its owner's trail tells who read it.

    Raises:
        DocumentNotFoundError: as ``get_document``.
    """
    document = get_document(session=session, clock=clock, acting=acting, document_id=document_id)
    own = acting.organisation_id
    if document.confidentiality is SECRET or (
        document.confidentiality is not PUBLIC and document.organisation_id != own
    ):
        for chain in {document.organisation_id, own}:
            note(
                session,
                subject_kind="document",
                subject_id=document.id,
                after={"read_by": own},
                organisation_id=chain,
            )
    return document


def list_documents(
    *,
    session: Session,
    clock: Clock,
    acting: Acting,
    after: UUID | None,
    limit: int,
    organisation_id: OrganisationId | None,
    subject_id: UUID | None,
) -> list[Document]:
    return store.readable_documents_after(
        session,
        reader_of(acting),
        clock.now(),
        after=after,
        limit=limit,
        organisation_id=organisation_id,
        subject_id=subject_id,
    )


def delete_document(*, session: Session, acting: Acting, document_id: UUID) -> None:
    """Forget a document of the acting organisation; its bytes are swept later.

    Raises:
        DocumentNotFoundError: it has none of this id.
        DocumentInUseError: something shared or published is made of it.
    """
    try:
        gone = all_or_nothing(
            session,
            lambda: store.delete_document(session, document_id, acting.organisation_id),
        )
    except IntegrityError as error:
        raise DocumentInUseError(document_id=document_id) from error
    if gone is None:
        raise DocumentNotFoundError(document_id=document_id)
    note(session, subject_kind="document", subject_id=gone.id, before=_told(gone))


def content_of(document: Document, file: BinaryIO) -> Iterator[bytes]:
    """The bytes of a document; see ``stream_of``."""
    return stream_of(document.id, document.sha256, file)


def stream_of(document_id: UUID, sha256: bytes, file: BinaryIO) -> Iterator[bytes]:
    """The bytes in ``file``; the last only when all of them proved to be those uploaded.

    Raises:
        ContentChangedError: they are others.
    """
    digest, held = hashlib.sha256(), b""
    with file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
            if held:
                yield held
            held = block
    if digest.digest() != sha256:
        raise ContentChangedError(f"document {document_id}")
    yield held


def sweep(*, sessions: Sessions, storage: FolderStorage, clock: Clock) -> int:
    """Delete bytes no document names any more; tells how many files.

    Raises:
        SweepUnsafeError: not every document can be seen.
    """
    with transaction(sessions) as session:
        if not store.sees_everybody(session):
            raise SweepUnsafeError
        return storage.sweep(lambda hashes: store.named_hashes(session, hashes), now=clock.now())


def reader_of(acting: Acting) -> Reader:
    role = acting.principal.platform_role
    return Reader(
        acting.organisation_id,
        verifies=role is Role.SECURITY_ADMIN,
        arbitrates=role is Role.SYSTEM_ADMIN,
    )


def _told(document: Document) -> Document | dict[str, object]:
    """What the trail says of a document; of a secret one not even its name or hash."""
    if document.confidentiality is not SECRET:
        return document
    return {
        "media_type": document.media_type,
        "confidentiality": document.confidentiality,
        "subject_kind": document.subject_kind,
        "subject_id": document.subject_id,
    }
