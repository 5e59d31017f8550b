"""``/library-licences`` and ``/library-accesses``: license, download, cite."""

from uuid import UUID

from fastapi import Response
from starlette.responses import StreamingResponse

from marketplace.library import handlers
from marketplace.library.schemas import (
    AccessOut,
    LicenceIn,
    LicenceOut,
    ReuseIn,
    ReuseOut,
)
from services.contracts.policies import Action
from services.runtime.files.handlers import stream_of
from services.runtime.files.media import TYPES
from services.runtime.files.names import attachment
from services.runtime.files.routes import AS_A_FILE, BINARY, IntakeDep
from services.runtime.routing import api_router
from services.runtime.tabular import Page, PageDep
from services.runtime.web import ActingDep, ClockDep, CreationDep, SessionDep, requires

router = api_router(tags=["library"])


@router.post(
    "/library-items/{item_id}/licences",
    status_code=201,
    response_model=LicenceOut,
    dependencies=[requires(Action.LICENCE_ASK)],
)
def license_library_item(
    item_id: UUID,
    asked: LicenceIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """License an item for one's organisation; unpaid it opens nothing."""

    def work() -> LicenceOut:
        licence = handlers.ask(
            session=session,
            clock=clock,
            organisation_id=acting.organisation_id,
            item_id=item_id,
            downloads=asked.downloads,
        )
        return LicenceOut.of(licence)

    return creation.once(asked, work)


@router.get(
    "/library-licences",
    response_model=Page[LicenceOut],
    dependencies=[requires(Action.LICENCE_READ)],
)
def list_library_licences(
    session: SessionDep, page: PageDep, acting: ActingDep, item_id: UUID | None = None
) -> Page[LicenceOut] | Response:
    """Licences one holds or granted, in order of asking."""
    found = handlers.list_licences(
        session=session,
        party=acting.organisation_id,
        after=page.after,
        limit=page.fetch,
        item_id=item_id,
    )
    return page.answer(found, LicenceOut.of, name="library-licences")


@router.get("/library-licences/{licence_id}", dependencies=[requires(Action.LICENCE_READ)])
def read_library_licence(licence_id: UUID, session: SessionDep, acting: ActingDep) -> LicenceOut:
    """One licence: its terms as granted, whether it is paid, how much of it is used."""
    found = handlers.get_licence(
        session=session, party=acting.organisation_id, licence_id=licence_id
    )
    return LicenceOut.of(found)


@router.post("/library-licences/{licence_id}/end", dependencies=[requires(Action.LICENCE_END)])
def end_library_licence(
    licence_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> LicenceOut:
    """Give a licence up; downloads paid for and not made are refunded."""
    licence = handlers.end(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        licence_id=licence_id,
    )
    return LicenceOut.of(licence)


@router.post(
    "/library-versions/{version_id}/accesses",
    status_code=201,
    response_model=AccessOut,
    dependencies=[requires(Action.LIBRARY_DOWNLOAD)],
)
def download_library_version(
    version_id: UUID,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """Download a version under one's licence: counted, and paid for where each is."""

    def work() -> AccessOut:
        access = handlers.download(
            session=session,
            clock=clock,
            organisation_id=acting.organisation_id,
            version_id=version_id,
        )
        return AccessOut.of(access)

    return creation.once(None, work)


@router.get(
    "/library-accesses",
    response_model=Page[AccessOut],
    dependencies=[requires(Action.LICENCE_READ)],
)
def list_library_accesses(
    session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[AccessOut] | Response:
    """One's own downloads, in order."""
    found = handlers.list_accesses(
        session=session,
        organisation_id=acting.organisation_id,
        after=page.after,
        limit=page.fetch,
    )
    return page.answer(found, AccessOut.of, name="library-accesses")


@router.get(
    "/library-accesses/{access_id}/files/{document_id}",
    dependencies=[requires(Action.DOWNLOAD_READ)],
    response_class=StreamingResponse,
    responses={200: {"content": dict.fromkeys(TYPES, BINARY), "description": "The file"}},
)
def fetch_library_file(
    access_id: UUID,
    document_id: UUID,
    session: SessionDep,
    clock: ClockDep,
    acting: ActingDep,
    intake: IntakeDep,
) -> Response:
    """One file of a download; fetched again within a day it is not counted again."""
    file = handlers.open_file(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        access_id=access_id,
        document_id=document_id,
    )
    return StreamingResponse(
        stream_of(file.document_id, file.sha256, intake.storage.open(file.sha256)),
        media_type=file.media_type,
        headers={
            **AS_A_FILE,
            "Content-Disposition": attachment(file.name),
            "Content-Length": str(file.size),
            "ETag": f'"{file.sha256.hex()}"',
        },
    )


@router.post(
    "/library-items/{item_id}/reuses",
    status_code=201,
    response_model=ReuseOut,
    dependencies=[requires(Action.REUSE_REPORT)],
)
def report_reuse(
    item_id: UUID,
    asked: ReuseIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """State what was done with a licensed item, and the time that saved."""

    def work() -> ReuseOut:
        reuse = handlers.report_reuse(
            session=session,
            clock=clock,
            organisation_id=acting.organisation_id,
            item_id=item_id,
            about=asked.about,
            citation=asked.citation,
            minutes_saved=asked.minutes_saved,
        )
        return ReuseOut.of(reuse)

    return creation.once(asked, work)


@router.get(
    "/library-items/{item_id}/reuses",
    response_model=Page[ReuseOut],
    dependencies=[requires(Action.REUSE_READ)],
)
def list_reuses(
    item_id: UUID, session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[ReuseOut] | Response:
    """Reports one made, or received as the owner of the item."""
    found = handlers.list_reuses(
        session=session,
        party=acting.organisation_id,
        item_id=item_id,
        after=page.after,
        limit=page.fetch,
    )
    return page.answer(found, ReuseOut.of, name="library-reuses")
