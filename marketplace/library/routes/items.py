"""``/library-items`` and ``/library-versions``: publish, read, withdraw, and what became of it."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Response

from marketplace.directions.routes import DirectionsDep
from marketplace.library import handlers
from marketplace.library.domain import ItemState
from marketplace.library.schemas import (
    KIND_MAX,
    AccessOut,
    ItemEdit,
    ItemIn,
    ItemOut,
    UseOut,
    VersionIn,
    VersionOut,
)
from services.contracts.ids import OrganisationId
from services.contracts.policies import Action
from services.runtime.etags import IfMatch, etag, version_named
from services.runtime.routing import api_router
from services.runtime.tabular import Page, PageDep
from services.runtime.web import ActingDep, ClockDep, CreationDep, SessionDep, requires

router = api_router(tags=["library"])


@router.post(
    "/library-items",
    status_code=201,
    response_model=ItemOut,
    dependencies=[requires(Action.LIBRARY_PUBLISH)],
)
def create_library_item(
    asked: ItemIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
    directions: DirectionsDep,
) -> Response:
    """Draft an item under licence terms; its first version publishes it."""

    def work() -> ItemOut:
        item = handlers.create_item(
            session=session,
            clock=clock,
            organisation_id=acting.organisation_id,
            directions=directions,
            direction=asked.direction,
            kind=asked.kind,
            title=asked.title,
            title_zh=asked.title_zh,
            abstract=asked.abstract,
            abstract_zh=asked.abstract_zh,
            terms=asked.terms.terms(),
            visibility=asked.visibility,
            park=asked.park,
            space_id=asked.space_id,
            attributes=asked.attributes,
        )
        return ItemOut.of(item)

    return creation.once(asked, work)


@router.get(
    "/library-items", response_model=Page[ItemOut], dependencies=[requires(Action.LIBRARY_READ)]
)
def list_library_items(
    session: SessionDep,
    page: PageDep,
    organisation_id: UUID | None = None,
    direction: int | None = None,
    kind: Annotated[str | None, Query(max_length=KIND_MAX)] = None,
    state: ItemState | None = None,
) -> Page[ItemOut] | Response:
    """Items open to the caller, in order of creation."""
    found = handlers.list_items(
        session=session,
        after=page.after,
        limit=page.fetch,
        organisation_id=None if organisation_id is None else OrganisationId(organisation_id),
        direction=direction,
        kind=kind,
        state=state,
    )
    return page.answer(found, ItemOut.of, name="library-items")


@router.get("/library-items/{item_id}", dependencies=[requires(Action.LIBRARY_READ)])
def read_library_item(item_id: UUID, session: SessionDep, response: Response) -> ItemOut:
    """What is said of an item, and its licence terms."""
    item = handlers.get_item(session=session, item_id=item_id)
    response.headers["ETag"] = etag(item.revision)
    return ItemOut.of(item)


@router.put("/library-items/{item_id}", dependencies=[requires(Action.LIBRARY_PUBLISH)])
def edit_library_item(
    item_id: UUID,
    asked: ItemEdit,
    session: SessionDep,
    clock: ClockDep,
    acting: ActingDep,
    directions: DirectionsDep,
    response: Response,
    if_match: IfMatch = None,
) -> ItemOut:
    """Say something else of an item; licences keep the terms they were granted under."""
    item = handlers.edit_item(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        directions=directions,
        item_id=item_id,
        title=asked.title,
        title_zh=asked.title_zh,
        abstract=asked.abstract,
        abstract_zh=asked.abstract_zh,
        terms=asked.terms.terms(),
        attributes=asked.attributes,
        expected=version_named(if_match),
    )
    response.headers["ETag"] = etag(item.revision)
    return ItemOut.of(item)


@router.post("/library-items/{item_id}/withdraw", dependencies=[requires(Action.LIBRARY_PUBLISH)])
def withdraw_library_item(
    item_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> ItemOut:
    """Grant no more licences; those there are go on."""
    item = handlers.withdraw_item(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        item_id=item_id,
    )
    return ItemOut.of(item)


@router.post(
    "/library-items/{item_id}/versions",
    status_code=201,
    response_model=VersionOut,
    dependencies=[requires(Action.LIBRARY_PUBLISH)],
)
def publish_library_version(
    item_id: UUID,
    asked: VersionIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """Publish documents uploaded for the item as its next version; it never changes."""

    def work() -> VersionOut:
        version = handlers.publish_version(
            session=session,
            clock=clock,
            acting=acting,
            item_id=item_id,
            label=asked.label,
            changelog=asked.changelog,
            document_ids=asked.documents,
        )
        return VersionOut.of(version)

    return creation.once(asked, work)


@router.get(
    "/library-items/{item_id}/versions",
    response_model=Page[VersionOut],
    dependencies=[requires(Action.LIBRARY_READ)],
)
def list_library_versions(
    item_id: UUID, session: SessionDep, page: PageDep
) -> Page[VersionOut] | Response:
    """Versions with the names and hashes of their files, the oldest first."""
    found = handlers.list_versions(
        session=session, item_id=item_id, after=page.after, limit=page.fetch
    )
    return page.answer(found, VersionOut.of, name="library-versions")


@router.get("/library-versions/{version_id}", dependencies=[requires(Action.LIBRARY_READ)])
def read_library_version(version_id: UUID, session: SessionDep) -> VersionOut:
    """One version: what changed, which files, their SHA-256."""
    return VersionOut.of(handlers.get_version(session=session, version_id=version_id))


@router.post(
    "/library-versions/{version_id}/withdraw", dependencies=[requires(Action.LIBRARY_PUBLISH)]
)
def withdraw_library_version(
    version_id: UUID, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> VersionOut:
    """Show a version to nobody but who was licensed before."""
    version = handlers.withdraw_version(
        session=session,
        clock=clock,
        organisation_id=acting.organisation_id,
        version_id=version_id,
    )
    return VersionOut.of(version)


@router.get("/library-items/{item_id}/use", dependencies=[requires(Action.LIBRARY_REVIEW)])
def read_use_of_item(item_id: UUID, session: SessionDep, acting: ActingDep) -> UseOut:
    """Downloads, licences and reuse of an own item, counted by version and month."""
    found = handlers.use(session=session, organisation_id=acting.organisation_id, item_id=item_id)
    return UseOut.of(found)


@router.get(
    "/library-items/{item_id}/accesses",
    response_model=Page[AccessOut],
    dependencies=[requires(Action.LIBRARY_REVIEW)],
)
def list_accesses_of_item(
    item_id: UUID, session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[AccessOut] | Response:
    """Every download of an own item: who, which version, when, under which licence."""
    found = handlers.list_uses(
        session=session,
        organisation_id=acting.organisation_id,
        item_id=item_id,
        after=page.after,
        limit=page.fetch,
    )
    return page.answer(found, AccessOut.of, name="library-accesses")
