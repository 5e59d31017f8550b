"""Who asks, as far as notices care."""

from typing import Final

from sqlmodel import Session

from services.contracts.access import Acting, Role
from services.contracts.ids import OrganisationId, PersonId, ServiceAccountId
from services.identity import handlers as identity
from services.identity.domain import Verification
from services.risk.domain.viewing import Viewer
from services.risk.domain.watermark import Watermark
from services.runtime.clock import Clock

_UNKNOWN: Final = "?"


def viewer_of(session: Session, acting: Acting) -> Viewer:
    """The caller; somebody, because acting for an organisation needs a credential."""
    assert acting.principal.id is not None, "who acts for an organisation is somebody"
    organisation = identity.get_organisation(
        session=session, organisation_id=acting.organisation_id
    )
    return Viewer(
        organisation_id=acting.organisation_id,
        actor_id=acting.principal.id,
        is_security_admin=acting.principal.platform_role is Role.SECURITY_ADMIN,
        is_verified=organisation.verification is Verification.VERIFIED,
    )


def operated_parks(session: Session, acting: Acting) -> frozenset[str]:
    """Codes of the parks the acting organisation operates, not only stands in."""
    parks = identity.parks_by_code(session=session, codes=acting.principal.parks)
    return frozenset(
        code for code, park in parks.items() if park.organisation_id == acting.organisation_id
    )


def watermark(*, session: Session, clock: Clock, acting: Acting) -> Watermark:
    """What a copy says of who took it away."""
    organisation = identity.get_organisation(
        session=session, organisation_id=acting.organisation_id
    )
    return Watermark(
        organisation_id=acting.organisation_id,
        organisation=f"{organisation.name} {organisation.name_zh}",
        actor_id=str(acting.principal.id),
        actor=_name(session, acting),
        at=clock.now(),
    )


def _name(session: Session, acting: Acting) -> str:
    assert acting.principal.id is not None, "who acts for an organisation is somebody"
    person = identity.find_person(session=session, person_id=PersonId(acting.principal.id))
    if person is not None:
        return person.name
    return _account(session, acting.organisation_id, ServiceAccountId(acting.principal.id))


def _account(
    session: Session, organisation_id: OrganisationId, account_id: ServiceAccountId
) -> str:
    try:
        return identity.get_service_account(
            session=session, organisation_id=organisation_id, account_id=account_id
        ).name
    except identity.ServiceAccountNotFoundError:
        return _UNKNOWN
