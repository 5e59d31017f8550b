"""What others hear of purchasing lists: events in the transaction of the fact."""

from sqlmodel import Session

from marketplace.purchasing import store
from marketplace.purchasing.domain.lists import Part, PurchaseList, State
from marketplace.purchasing.domain.pricing import QuoteState
from services.capacity.domain import Visibility
from services.contracts.events.envelope import Audience
from services.contracts.events.purchasing import PartChanged, PurchaseChanged, TieredQuoteGiven
from services.contracts.ids import OrganisationId
from services.runtime.audit.recording import note
from services.runtime.clock import Clock
from services.runtime.outbox import emit


def tell_list(session: Session, clock: Clock, before: PurchaseList, after: PurchaseList) -> None:
    """To the lead and whoever is invited or takes part; to a community if it is open to one."""
    now = clock.now()
    parties = {after.organisation_id, *store.guests_of(session, after.id)}
    parties |= {
        part.member_id for part in store.parts_after(session, after.id, after=None, limit=None)
    }
    parties |= {
        quote.supplier_id
        for quote in store.quotes_after(
            session, after.id, party=after.organisation_id, after=None, limit=None
        )
    }
    is_shown = after.state is not State.DRAFT
    event = PurchaseChanged(
        id=clock.new_id(),
        occurred_at=now,
        purchase_id=after.id,
        organisation_id=after.organisation_id,
        state=after.state,
        audience=Audience(
            organisation_ids=tuple(sorted(parties)),
            visibility=after.visibility if is_shown else Visibility.ORGANISATION,
            park=after.park,
            space_id=after.space_id,
        ),
    )
    emit(session, event, now=now)
    note(
        session,
        subject_kind="purchase_list",
        subject_id=after.id,
        before=before,
        after=after,
        organisation_id=after.organisation_id,
    )


def tell_part(session: Session, clock: Clock, before: Part | None, after: Part) -> None:
    now = clock.now()
    event = PartChanged(
        id=clock.new_id(),
        occurred_at=now,
        purchase_id=after.list_id,
        organisation_id=after.organisation_id,
        member_id=after.member_id,
        state=after.state,
        audience=Audience(organisation_ids=(after.organisation_id, after.member_id)),
    )
    emit(session, event, now=now)
    note(
        session,
        subject_kind="purchase_part",
        subject_id=after.id,
        before=before,
        after=after,
        organisation_id=after.member_id,
    )


def tell_quote(
    session: Session,
    clock: Clock,
    purchase: PurchaseList,
    supplier_id: OrganisationId,
    state: QuoteState,
) -> None:
    now = clock.now()
    event = TieredQuoteGiven(
        id=clock.new_id(),
        occurred_at=now,
        purchase_id=purchase.id,
        organisation_id=purchase.organisation_id,
        supplier_id=supplier_id,
        state=state,
        audience=Audience(organisation_ids=(purchase.organisation_id, supplier_id)),
    )
    emit(session, event, now=now)
