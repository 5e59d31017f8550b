"""The SQL of documents."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import insert
from sqlmodel import Session, text

from services.contracts.confidentiality import Confidentiality
from services.contracts.ids import OrganisationId
from services.runtime.database_roles import WORKER
from services.runtime.deal_rule import EVIDENCE, within_deal
from services.runtime.files.domain import Document, Reader
from services.runtime.files.tables import DocumentRow
from services.runtime.introduction_rule import introduced
from services.runtime.nda_rule import DOCUMENT_SUBJECTS, confided, under_nda

_COLUMNS: Final = (
    "document.id, document.organisation_id, name, media_type, size, sha256, confidentiality,"
    " document.subject_kind, document.subject_id, uploaded_by, document.created_at"
)
_CONFIDED: Final = confided(
    under_nda("document", subjects=DOCUMENT_SUBJECTS, caller="CAST(:reader AS uuid)", now=":now")
)
_READABLE: Final = f"""(
    confidentiality = 'public'
    OR document.organisation_id = CAST(:reader AS uuid)
    OR (document.subject_kind = 'verification' AND :verifies)
    OR {_CONFIDED}
    OR {within_deal(caller="CAST(:reader AS uuid)")}
    OR {introduced(caller="CAST(:reader AS uuid)", now=":now")}
    OR (:arbitrates AND {EVIDENCE})
)"""


def insert_document(session: Session, document: Document) -> None:
    session.connection().execute(
        insert(DocumentRow).values(
            id=document.id,
            organisation_id=document.organisation_id,
            name=document.name,
            media_type=document.media_type,
            size=document.size,
            sha256=document.sha256,
            confidentiality=document.confidentiality.value,
            subject_kind=document.subject_kind,
            subject_id=document.subject_id,
            uploaded_by=document.uploaded_by,
            created_at=document.created_at,
        )
    )


def readable_document(
    session: Session, document_id: UUID, reader: Reader, now: datetime
) -> Document | None:
    row = (
        session.connection()
        .execute(
            text(f"SELECT {_COLUMNS} FROM document WHERE id = :id AND {_READABLE}"),  # noqa: S608 - own text
            {"id": document_id, **_reader(reader, now)},
        )
        .one_or_none()
    )
    return None if row is None else _document(row)


def readable_documents_after(
    session: Session,
    reader: Reader,
    now: datetime,
    *,
    after: UUID | None,
    limit: int,
    organisation_id: OrganisationId | None,
    subject_id: UUID | None,
) -> list[Document]:
    rows = session.connection().execute(
        text(
            f"SELECT {_COLUMNS} FROM document WHERE {_READABLE}"  # noqa: S608 - own text
            " AND (CAST(:after AS uuid) IS NULL OR id > :after)"
            " AND (CAST(:owner AS uuid) IS NULL OR organisation_id = :owner)"
            " AND (CAST(:subject AS uuid) IS NULL OR subject_id = :subject)"
            " ORDER BY id LIMIT :limit"
        ),
        {
            "after": after,
            "owner": organisation_id,
            "subject": subject_id,
            "limit": limit,
            **_reader(reader, now),
        },
    )
    return [_document(row) for row in rows]


def delete_document(session: Session, document_id: UUID, owner: OrganisationId) -> Document | None:
    """The document that was there; ``None`` if ``owner`` has none of this id."""
    row = (
        session.connection()
        .execute(
            text(
                "DELETE FROM document WHERE id = :id AND organisation_id = :owner"  # noqa: S608 - own text
                f" RETURNING {_COLUMNS}"
            ),
            {"id": document_id, "owner": owner},
        )
        .one_or_none()
    )
    return None if row is None else _document(row)


def bytes_of(session: Session, organisation_id: OrganisationId) -> int:
    """How much an organisation keeps."""
    asked = text("SELECT coalesce(sum(size), 0) FROM document WHERE organisation_id = :owner")
    return int(session.connection().execute(asked, {"owner": organisation_id}).scalar_one())


def named_hashes(session: Session, hashes: Sequence[bytes]) -> set[bytes]:
    """Those of ``hashes`` that a document names."""
    rows = session.connection().execute(
        text("SELECT DISTINCT sha256 FROM document WHERE sha256 = ANY(:hashes)"),
        {"hashes": list(hashes)},
    )
    return {bytes(row.sha256) for row in rows}


def sees_everybody(session: Session) -> bool:
    """Whether row security hides no document from this transaction."""
    asked = text(
        "SELECT rolname = :worker OR rolsuper OR rolbypassrls FROM pg_roles"
        " WHERE rolname = current_user"
    )
    return bool(session.connection().execute(asked, {"worker": WORKER}).scalar_one())


def _reader(reader: Reader, now: datetime) -> dict[str, Any]:
    return {
        "reader": reader.organisation_id,
        "verifies": reader.verifies,
        "arbitrates": reader.arbitrates,
        "now": now,
    }


def _document(row: Any) -> Document:
    return Document(
        id=row.id,
        organisation_id=OrganisationId(row.organisation_id),
        name=row.name,
        media_type=row.media_type,
        size=row.size,
        sha256=bytes(row.sha256),
        confidentiality=Confidentiality(row.confidentiality),
        subject_kind=row.subject_kind,
        subject_id=row.subject_id,
        uploaded_by=row.uploaded_by,
        created_at=row.created_at,
    )
