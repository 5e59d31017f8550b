"""Use cases of reading what an organisation earned and is still to earn."""

from datetime import datetime

from sqlmodel import Session

from services.contracts.ids import OrganisationId
from services.ledger.domain.income import Held, Income
from services.ledger.store import income as store


def list_income(
    *, session: Session, organisation_id: OrganisationId, since: datetime, until: datetime
) -> list[Income]:
    """Every release to the organisation from ``since`` until before ``until``, in order."""
    return store.income(session, organisation_id, since=since, until=until)


def list_held_for(*, session: Session, organisation_id: OrganisationId) -> list[Held]:
    """What escrows hold for the organisation now, in order of opening."""
    return store.held_for(session, organisation_id)
