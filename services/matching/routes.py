"""HTTP of matching: read an answered match."""

from uuid import UUID

from fastapi import Request

from services.contracts.ids import MatchId
from services.contracts.policies import Action
from services.matching import handlers
from services.matching.schemas import MatchOut, match_out
from services.runtime.routing import api_router
from services.runtime.web import ActingDep, LanguageDep, SessionDep, requires

router = api_router(tags=["matches"])


@router.get("/matches/{match_id}", dependencies=[requires(Action.MATCH_READ)])
def read_match(
    match_id: UUID,
    request: Request,
    session: SessionDep,
    language: LanguageDep,
    acting: ActingDep,
) -> MatchOut:
    """A match as it was answered, with its reasons."""
    match = handlers.get_match(
        session=session, organisation_id=acting.organisation_id, match_id=MatchId(match_id)
    )
    catalogue = request.app.state.catalogue
    return match_out(
        match, language=language, term=catalogue.namer(language), grade_at=catalogue.grade_of
    )
