"""HTTP doors of documents: raw bodies in, attachments out."""

from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any, ClassVar, Final
from uuid import UUID

from fastapi import Depends, Query, Request, Response
from starlette.responses import StreamingResponse

from services.contracts.confidentiality import CONFIDENTIAL, Confidentiality
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OrganisationId
from services.contracts.policies import Action
from services.runtime.files import handlers
from services.runtime.files.domain import Received
from services.runtime.files.media import TYPES, media_type
from services.runtime.files.names import attachment
from services.runtime.files.receiving import Intake
from services.runtime.files.schemas import DocumentRead, UploadFacts
from services.runtime.routing import api_router
from services.runtime.tabular import Page, PageDep
from services.runtime.web import ActingDep, ClockDep, CreationDep, SessionDep, requires

GIVEN_NAME_MAX: Final = 500
SUBJECT_KIND: Final = r"^[a-z][a-z_]{0,39}$"
AS_A_FILE: Final[Mapping[str, str]] = {
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "private, no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
}
BINARY: Final[dict[str, Any]] = {"schema": {"type": "string", "format": "binary"}}

router = api_router(tags=["documents"])


class HalfSubjectError(DomainError):
    code: ClassVar[str] = "document-subject-incomplete"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "subject_kind and subject_id come together; give both or neither."
    zh: ClassVar[str] = "subject_kind 与 subject_id 须同时提供或同时省略。"


def _intake(request: Request) -> Intake:
    intake: Intake = request.app.state.documents
    return intake


IntakeDep = Annotated[Intake, Depends(_intake)]


async def _received(
    request: Request, acting: ActingDep, intake: IntakeDep
) -> AsyncIterator[Received]:
    media = media_type(request.headers.get("content-type", ""))
    async with intake.receive(request.stream(), media, acting.organisation_id) as received:
        yield received


ReceivedDep = Annotated[Received, Depends(_received, scope="function")]
"""The body on disk. Taken before the transaction: a slow client must not hold a connection."""


@router.post(
    "/documents",
    status_code=201,
    response_model=DocumentRead,
    dependencies=[requires(Action.DOCUMENT_UPLOAD)],
    openapi_extra={"requestBody": {"required": True, "content": dict.fromkeys(TYPES, BINARY)}},
)
def upload_document(
    received: ReceivedDep,
    intake: IntakeDep,
    acting: ActingDep,
    clock: ClockDep,
    session: SessionDep,
    creation: CreationDep,
    name: Annotated[str, Query(min_length=1, max_length=GIVEN_NAME_MAX)],
    confidentiality: Confidentiality = CONFIDENTIAL,
    subject_kind: Annotated[str | None, Query(pattern=SUBJECT_KIND)] = None,
    subject_id: UUID | None = None,
) -> Response:
    """Upload a document: the file is the body, its type the Content-Type, checked by content."""
    if (subject_kind is None) != (subject_id is None):
        raise HalfSubjectError
    facts = UploadFacts(
        name=name,
        media_type=received.media.name,
        sha256=received.sha256.hex(),
        confidentiality=confidentiality,
        subject_kind=subject_kind,
        subject_id=subject_id,
    )
    return creation.once(
        facts,
        lambda: DocumentRead.of(
            handlers.add_document(
                session=session,
                clock=clock,
                acting=acting,
                storage=intake.storage,
                received=received,
                name=name,
                confidentiality=confidentiality,
                subject_kind=subject_kind,
                subject_id=subject_id,
            )
        ),
    )


@router.get(
    "/documents",
    response_model=Page[DocumentRead],
    dependencies=[requires(Action.DOCUMENT_READ)],
)
def list_documents(
    session: SessionDep,
    clock: ClockDep,
    acting: ActingDep,
    page: PageDep,
    organisation_id: UUID | None = None,
    subject_id: UUID | None = None,
) -> Page[DocumentRead] | Response:
    """Documents open to the acting organisation: its own, public ones, and those confided to it."""
    found = handlers.list_documents(
        session=session,
        clock=clock,
        acting=acting,
        after=page.after,
        limit=page.fetch,
        organisation_id=None if organisation_id is None else OrganisationId(organisation_id),
        subject_id=subject_id,
    )
    return page.answer(found, DocumentRead.of, name="documents")


@router.get("/documents/{document_id}", dependencies=[requires(Action.DOCUMENT_READ)])
def get_document(
    document_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> DocumentRead:
    """What is known of a document."""
    return DocumentRead.of(
        handlers.get_document(session=session, clock=clock, acting=acting, document_id=document_id)
    )


@router.get(
    "/documents/{document_id}/content",
    dependencies=[requires(Action.DOCUMENT_READ)],
    response_class=StreamingResponse,
    responses={200: {"content": dict.fromkeys(TYPES, BINARY), "description": "The file"}},
)
def download_document(
    document_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep, intake: IntakeDep
) -> Response:
    """The file itself, to be saved, never shown; reading what is confided is on record."""
    document = handlers.read_content(
        session=session, clock=clock, acting=acting, document_id=document_id
    )
    return StreamingResponse(
        handlers.content_of(document, intake.storage.open(document.sha256)),
        media_type=document.media_type,
        headers={
            **AS_A_FILE,
            "Content-Disposition": attachment(document.name),
            "Content-Length": str(document.size),
            "ETag": f'"{document.sha256.hex()}"',
        },
    )


@router.delete(
    "/documents/{document_id}",
    status_code=204,
    dependencies=[requires(Action.DOCUMENT_DELETE)],
)
def delete_document(document_id: UUID, session: SessionDep, acting: ActingDep) -> None:
    """Forget a document."""
    handlers.delete_document(session=session, acting=acting, document_id=document_id)
