"""Parks and chain spaces."""

from typing import Annotated
from uuid import UUID

from fastapi import Path, Query, Response

from services.contracts.ids import OrganisationId
from services.contracts.policies import Action
from services.identity import handlers
from services.identity.domain import PARK_CODE_PATTERN
from services.identity.schemas.communities import (
    CommunityMemberRead,
    ParkCreate,
    ParkPage,
    ParkRead,
    SpaceCreate,
    SpaceRead,
)
from services.runtime.routing import api_router
from services.runtime.tabular import (
    PAGE_LIMIT_DEFAULT,
    PAGE_LIMIT_MAX,
    ListFormat,
    Page,
    PageDep,
    file_response,
)
from services.runtime.web import ActingDep, ClockDep, CreationDep, SessionDep, requires

router = api_router(tags=["identity"])
CodePath = Annotated[str, Path(pattern=PARK_CODE_PATTERN)]


@router.post(
    "/parks",
    status_code=201,
    response_model=ParkRead,
    dependencies=[requires(Action.PARK_CREATE)],
)
def create_park(
    asked: ParkCreate, session: SessionDep, creation: CreationDep, acting: ActingDep
) -> Response:
    """Register a park that the organisation, a park operator, operates."""
    return creation.once(
        asked,
        lambda: ParkRead.of(
            handlers.create_park(
                session=session, organisation_id=acting.organisation_id, **dict(asked)
            )
        ),
    )


@router.get("/parks", response_model=ParkPage, dependencies=[requires(Action.PARK_READ)])
def list_parks(
    session: SessionDep,
    after: Annotated[
        str | None, Query(pattern=PARK_CODE_PATTERN, description="code after which it begins")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_LIMIT_MAX)] = PAGE_LIMIT_DEFAULT,
    format: Annotated[  # noqa: A002 - the name of the parameter in every list
        ListFormat, Query(description="csv, xlsx: the page as a file")
    ] = ListFormat.JSON,
) -> ParkPage | Response:
    """Parks by code."""
    found = handlers.list_parks(session=session, after=after, limit=limit + 1)
    items = [ParkRead.of(park) for park in found[:limit]]
    following = items[-1].code if len(found) > limit else None
    if format is not ListFormat.JSON:
        return file_response(items, name="parks", kind=format, following=following)
    return ParkPage(items=items, next=following)


@router.get("/parks/{code}", dependencies=[requires(Action.PARK_READ)])
def get_park(code: CodePath, session: SessionDep) -> ParkRead:
    """One park."""
    return ParkRead.of(handlers.get_park(session=session, code=code))


@router.get(
    "/parks/{code}/members",
    response_model=Page[CommunityMemberRead],
    dependencies=[requires(Action.PARK_MEMBER_READ)],
)
def list_park_members(
    code: CodePath, session: SessionDep, page: PageDep
) -> Page[CommunityMemberRead] | Response:
    """Organisations admitted to the park, by id."""
    found = handlers.list_park_members(
        session=session, code=code, after=page.after, limit=page.fetch
    )
    return page.answer(found, CommunityMemberRead.of, name="park-members")


@router.put(
    "/parks/{code}/members/{organisation_id}", dependencies=[requires(Action.PARK_MEMBER_ADMIT)]
)
def admit_to_park(
    code: CodePath,
    organisation_id: UUID,
    session: SessionDep,
    clock: ClockDep,
    acting: ActingDep,
) -> CommunityMemberRead:
    """Let an organisation see what is shared in the park; again changes nothing."""
    return CommunityMemberRead.of(
        handlers.admit_to_park(
            session=session,
            clock=clock,
            operator_id=acting.organisation_id,
            code=code,
            organisation_id=OrganisationId(organisation_id),
        )
    )


@router.delete(
    "/parks/{code}/members/{organisation_id}",
    status_code=204,
    dependencies=[requires(Action.PARK_MEMBER_REMOVE)],
)
def remove_from_park(
    code: CodePath,
    organisation_id: UUID,
    session: SessionDep,
    clock: ClockDep,
    acting: ActingDep,
) -> None:
    """As its operator show an organisation out, or leave it as that organisation."""
    handlers.remove_from_park(
        session=session,
        clock=clock,
        acting_id=acting.organisation_id,
        code=code,
        organisation_id=OrganisationId(organisation_id),
    )


@router.post(
    "/spaces",
    status_code=201,
    response_model=SpaceRead,
    dependencies=[requires(Action.SPACE_CREATE)],
)
def create_space(
    asked: SpaceCreate,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """Open a chain space (产业链空间) and lead it."""
    return creation.once(
        asked,
        lambda: SpaceRead.of(
            handlers.create_space(
                session=session,
                clock=clock,
                organisation_id=acting.organisation_id,
                **dict(asked),
            )
        ),
    )


@router.get("/spaces", response_model=Page[SpaceRead], dependencies=[requires(Action.SPACE_READ)])
def list_spaces(
    session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[SpaceRead] | Response:
    """Chain spaces the organisation leads or is in, by id."""
    found = handlers.list_spaces(
        session=session,
        organisation_id=acting.organisation_id,
        after=page.after,
        limit=page.fetch,
    )
    return page.answer(found, SpaceRead.of, name="spaces")


@router.get("/spaces/{space_id}", dependencies=[requires(Action.SPACE_READ)])
def get_space(space_id: UUID, session: SessionDep, acting: ActingDep) -> SpaceRead:
    """One chain space."""
    return SpaceRead.of(
        handlers.get_space(
            session=session, organisation_id=acting.organisation_id, space_id=space_id
        )
    )


@router.get(
    "/spaces/{space_id}/members",
    response_model=Page[CommunityMemberRead],
    dependencies=[requires(Action.SPACE_MEMBER_READ)],
)
def list_space_members(
    space_id: UUID, session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[CommunityMemberRead] | Response:
    """Organisations in the chain space besides the one that leads it, by id."""
    found = handlers.list_space_members(
        session=session,
        organisation_id=acting.organisation_id,
        space_id=space_id,
        after=page.after,
        limit=page.fetch,
    )
    return page.answer(found, CommunityMemberRead.of, name="space-members")


@router.put(
    "/spaces/{space_id}/members/{organisation_id}",
    dependencies=[requires(Action.SPACE_MEMBER_ADD)],
)
def add_to_space(
    space_id: UUID,
    organisation_id: UUID,
    session: SessionDep,
    clock: ClockDep,
    acting: ActingDep,
) -> CommunityMemberRead:
    """Let an organisation see what is shared in the space; again changes nothing."""
    return CommunityMemberRead.of(
        handlers.add_to_space(
            session=session,
            clock=clock,
            lead_id=acting.organisation_id,
            space_id=space_id,
            organisation_id=OrganisationId(organisation_id),
        )
    )


@router.delete(
    "/spaces/{space_id}/members/{organisation_id}",
    status_code=204,
    dependencies=[requires(Action.SPACE_MEMBER_REMOVE)],
)
def remove_from_space(
    space_id: UUID,
    organisation_id: UUID,
    session: SessionDep,
    clock: ClockDep,
    acting: ActingDep,
) -> None:
    """As its lead show an organisation out, or leave it as that organisation."""
    handlers.remove_from_space(
        session=session,
        clock=clock,
        acting_id=acting.organisation_id,
        space_id=space_id,
        organisation_id=OrganisationId(organisation_id),
    )
