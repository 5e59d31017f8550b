"""Use cases of park services: publish, ask, answer, confirm, see what the record says."""

from datetime import timedelta
from typing import ClassVar
from uuid import UUID

from sqlmodel import Session

from marketplace.parks import store
from marketplace.parks.domain import (
    Move,
    ServiceEntry,
    ServiceKind,
    ServiceRequest,
    State,
    moved,
)
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.events.envelope import Audience
from services.contracts.events.parks import ServiceRequestChanged
from services.contracts.ids import OrganisationId
from services.identity import handlers as identity
from services.runtime.audit.recording import note
from services.runtime.clock import Clock
from services.runtime.outbox import emit


class NotInParkError(DomainError):
    """One answer for a park that is not there and one the organisation is not in."""

    code: ClassVar[str] = "park-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "Your organisation neither operates nor is in a park {park!r}."
    zh: ClassVar[str] = "贵组织既未运营也未加入园区 {park!r}。"


class ServiceNotFoundError(DomainError):
    code: ClassVar[str] = "park-service-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = (
        "No service {service_id} is offered in a park of yours; list /parks/CODE/services."
    )
    zh: ClassVar[str] = "贵组织所在园区没有服务 {service_id}；请查看 /parks/CODE/services。"


class OwnServiceError(DomainError):
    code: ClassVar[str] = "own-park-service"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Service {service_id} is your organisation's own; ask another's."
    zh: ClassVar[str] = "服务 {service_id} 由贵组织提供；请选择其他组织的服务。"


class RequestNotFoundError(DomainError):
    code: ClassVar[str] = "park-request-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = (
        "There is no request {request_id} that you made or received; list /park-requests."
    )
    zh: ClassVar[str] = "没有您提出或收到的服务请求 {request_id}；请查看 /park-requests。"


def publish_service(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    park: str,
    kind: ServiceKind,
    title: str,
    title_zh: str,
    text: str,
    answer_hours: int,
) -> ServiceEntry:
    """Offer the teams of a park a service, as its operator or a member.

    Raises:
        NotInParkError: it is neither.
    """
    _check_reach(session, organisation_id, park)
    service = ServiceEntry(
        id=clock.new_id(),
        organisation_id=organisation_id,
        park=park,
        kind=kind,
        title=title,
        title_zh=title_zh,
        text=text,
        answer_hours=answer_hours,
        created_at=clock.now(),
    )
    store.insert_service(session, service)
    note(session, subject_kind="park_service", subject_id=service.id, after=service)
    return service


def list_services(
    *,
    session: Session,
    organisation_id: OrganisationId,
    park: str,
    kind: ServiceKind | None,
    after: UUID | None,
    limit: int,
) -> list[ServiceEntry]:
    """A page of the services of a park, of one kind if given.

    Raises:
        NotInParkError: the organisation is not in it.
    """
    _check_reach(session, organisation_id, park)
    return store.services_after(session, park, kind=kind, after=after, limit=limit)


def ask_for_service(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    service_id: UUID,
    text: str,
) -> ServiceRequest:
    """Ask for a service of a park one is in; when it is to be answered follows from its promise.

    Raises:
        ServiceNotFoundError: there is none in a park of the organisation.
        OwnServiceError: it is its own.
    """
    service = store.find_service(session, service_id)
    if service is None or not _reaches(session, organisation_id, service.park):
        raise ServiceNotFoundError(service_id=service_id)
    if service.organisation_id == organisation_id:
        raise OwnServiceError(service_id=service_id)
    now = clock.now()
    request = ServiceRequest(
        id=clock.new_id(),
        organisation_id=organisation_id,
        provider_id=service.organisation_id,
        service_id=service.id,
        park=service.park,
        text=text,
        state=State.ASKED,
        version=1,
        due_at=now + timedelta(hours=service.answer_hours),
        created_at=now,
        updated_at=now,
    )
    store.insert_request(session, request)
    _tell(session, clock, None, request)
    return request


def move_request(
    *,
    session: Session,
    clock: Clock,
    party: OrganisationId,
    request_id: UUID,
    move: Move,
    remark: str | None = None,
) -> ServiceRequest:
    """Accept or decline as the provider, confirm or withdraw as the asker.

    Raises:
        RequestNotFoundError: one is no party of such a request.
        RequestRefusedError: the move cannot be made now, or not by this party.
    """
    found = store.lock_request(session, request_id, party=party)
    if found is None:
        raise RequestNotFoundError(request_id=request_id)
    after = moved(found, move, party, now=clock.now(), remark=remark)
    store.save_request(session, after)
    _tell(session, clock, found, after)
    return after


def list_requests(
    *, session: Session, party: OrganisationId, after: UUID | None, limit: int
) -> list[ServiceRequest]:
    """A page of requests one made and received, in order of asking."""
    return store.requests_after(session, party=party, after=after, limit=limit)


def _check_reach(session: Session, organisation_id: OrganisationId, park: str) -> None:
    if not _reaches(session, organisation_id, park):
        raise NotInParkError(park=park)


def _reaches(session: Session, organisation_id: OrganisationId, park: str) -> bool:
    return park in identity.reach(session=session, organisation_id=organisation_id).parks


def _tell(
    session: Session, clock: Clock, before: ServiceRequest | None, after: ServiceRequest
) -> None:
    note(session, subject_kind="park_request", subject_id=after.id, before=before, after=after)
    now = clock.now()
    event = ServiceRequestChanged(
        id=clock.new_id(),
        occurred_at=now,
        request_id=after.id,
        service_id=after.service_id,
        organisation_id=after.organisation_id,
        provider_id=after.provider_id,
        park=after.park,
        state=after.state,
        audience=Audience(organisation_ids=(after.organisation_id, after.provider_id)),
    )
    emit(session, event, now=now)
