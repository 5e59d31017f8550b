"""Asking the durable writer before the request does the work in its own transaction."""

import structlog
from fastapi import Request
from sqlmodel import Session

from services.booking.schemas.bookings import BookingIn
from services.booking.writing.asking import RemoteWriter
from services.booking.writing.messages import Asker, HoldAsked, HoldQuestion, Repeatable
from services.contracts.access import Acting
from services.matching import handlers as matching
from services.matching.service.port import MatcherUnavailableError
from services.runtime.web import Elsewhere

log = structlog.get_logger(__name__)


def at_writer(
    request: Request, session: Session, acting: Acting, asked: BookingIn
) -> Elsewhere | None:
    """How to ask the writer for the slot; ``None`` where there is none that could know it.

    What it declines, and what it does not answer, is done in the request's transaction: it refuses
    with the right problem, or finds under the key what the writer did.
    """
    writer: RemoteWriter | None = request.app.state.writer
    if writer is None or asked.offer_id is None or asked.units != 1:
        return None
    offer_id = asked.offer_id

    def ask(key: str, digest: bytes) -> bytes | None:
        principal = acting.principal
        question = HoldQuestion(
            organisation_id=acting.organisation_id,
            viewer=matching.viewer_of(session=session, organisation_id=acting.organisation_id),
            asker=Asker(
                actor_kind=principal.kind.value,
                actor_id=principal.id,
                credential_id=principal.credential_id,
                request_id=request.scope.get("nonagon.request_id"),
            ),
            holds=(
                HoldAsked(
                    resource_id=asked.resource_id,
                    offer_id=offer_id,
                    start=asked.start,
                    minutes=asked.minutes,
                    demand_id=asked.demand_id,
                    once=Repeatable(key, digest),
                ),
            ),
            fresh=True,
        )
        try:
            (outcome,) = writer.hold(question)
        except MatcherUnavailableError as error:
            log.info("no writer, the request books itself", cause=str(error))
            return None
        return outcome.body

    return ask
