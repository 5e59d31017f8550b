"""Use cases of financing: ask, answer, accept, consent, revoke, read what was consented to."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import ClassVar, Final
from uuid import UUID

from sqlmodel import Session

from marketplace.deals.domain.scoring import FactKind
from marketplace.deals.handlers import following as deals
from marketplace.deals.handlers import invoices
from marketplace.finance import store
from marketplace.finance.domain import (
    EVIDENCE_SPAN,
    RUNNING,
    Application,
    Asked,
    Consent,
    Evidence,
    FinancingRefusedError,
    Item,
    Move,
    Party,
    Source,
    State,
    Terms,
    check_expiry,
    figures,
    moved,
)
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.events.envelope import Audience
from services.contracts.events.finance import ApplicationChanged, ConsentChanged
from services.contracts.ids import OrganisationId
from services.identity import handlers as identity
from services.identity.domain import OrganisationKind
from services.ledger import handlers as ledger
from services.runtime.audit.recording import note
from services.runtime.clock import Clock
from services.runtime.outbox import emit


class ApplicationNotFoundError(DomainError):
    code: ClassVar[str] = "financing-application-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = (
        "There is no application {application_id} that you sent or received;"
        " list /financing-applications."
    )
    zh: ClassVar[str] = (
        "没有您提交或收到的融资申请 {application_id}；请查看 /financing-applications。"
    )


class ConsentNotFoundError(DomainError):
    code: ClassVar[str] = "financing-consent-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = (
        "Your organisation gave no consent {consent_id}; list the consents of the application."
    )
    zh: ClassVar[str] = "贵组织没有给出授权 {consent_id}；请查看该申请的授权列表。"


class RecipientUnfitError(DomainError):
    code: ClassVar[str] = "financing-recipient-unfit"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = (
        "Organisation {organisation_id} finances nobody; choose others of kind investor, each once."
    )
    zh: ClassVar[str] = (
        "组织 {organisation_id} 不是可选的资金方；请选择类型为 investor 的其他组织，且不重复。"
    )


def ask(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    asked: Asked,
    recipients: Sequence[OrganisationId],
) -> list[Application]:
    """Ask each of ``recipients`` alike; none learns of the others.

    Raises:
        RecipientUnfitError: one is no bank or fund, named twice, or the applicant itself.
    """
    _check_recipients(session, organisation_id, recipients)
    now, request_id = clock.now(), clock.new_id()
    applications = [
        Application(
            id=clock.new_id(),
            organisation_id=organisation_id,
            recipient_id=recipient_id,
            request_id=request_id,
            asked=asked,
            state=State.REQUESTED,
            version=1,
            created_at=now,
            updated_at=now,
        )
        for recipient_id in recipients
    ]
    store.insert_applications(session, applications)
    for application in applications:
        _tell(session, clock, None, application)
    return applications


def get_application(
    *, session: Session, party: OrganisationId, application_id: UUID
) -> Application:
    """An application one sent or received.

    Raises:
        ApplicationNotFoundError: there is none.
    """
    return _found(session, application_id, party)


def list_applications(
    *, session: Session, party: OrganisationId, after: UUID | None, limit: int
) -> list[Application]:
    """A page of what one sent and received, in order of asking."""
    return store.applications_after(session, party=party, after=after, limit=limit)


def answer(
    *,
    session: Session,
    clock: Clock,
    recipient_id: OrganisationId,
    application_id: UUID,
    move: Move,
    offer: Terms | None = None,
    remark: str | None = None,
) -> Application:
    """Take an application up, offer terms for it, or decline it.

    Raises:
        ApplicationNotFoundError, FinancingRefusedError: as they say.
    """
    found = _found(session, application_id, recipient_id, side=Party.RECIPIENT, lock=True)
    answered = moved(found, move, recipient_id, now=clock.now())
    answered = replace(answered, offer=offer, remark=remark)
    return _save(session, clock, found, answered)


def accept(
    *, session: Session, clock: Clock, organisation_id: OrganisationId, application_id: UUID
) -> Application:
    """Take an offer; whatever else was asked with the same request is withdrawn.

    Raises:
        ApplicationNotFoundError, FinancingRefusedError: as they say.
    """
    request_id = _found(session, application_id, organisation_id, side=Party.APPLICANT).request_id
    # All in one order, so that two acceptances cannot wait for each other.
    running = store.lock_running(session, request_id, organisation_id=organisation_id)
    found = _found(session, application_id, organisation_id)
    accepted = moved(found, Move.ACCEPT, organisation_id, now=clock.now())
    for other in running:
        if other.id != found.id:
            _save(
                session, clock, other, moved(other, Move.WITHDRAW, organisation_id, now=clock.now())
            )
    return _save(session, clock, found, accepted)


def withdraw(
    *, session: Session, clock: Clock, organisation_id: OrganisationId, application_id: UUID
) -> Application:
    """Give an application up; its other recipients keep theirs.

    Raises:
        ApplicationNotFoundError, FinancingRefusedError: as they say.
    """
    found = _found(session, application_id, organisation_id, side=Party.APPLICANT, lock=True)
    gone = moved(found, Move.WITHDRAW, organisation_id, now=clock.now())
    return _save(session, clock, found, gone)


def consent(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    application_id: UUID,
    items: Sequence[Item],
    expires_at: datetime,
) -> Consent:
    """Compile evidence of ``items`` as of now, and let the recipient see it until ``expires_at``.

    Raises:
        ApplicationNotFoundError, ConsentTimeError: as they say.
        FinancingRefusedError: the application is over.
    """
    found = _found(session, application_id, organisation_id, side=Party.APPLICANT, lock=True)
    if found.state not in RUNNING:
        raise FinancingRefusedError(
            application_id=application_id,
            state=found.state,
            move="consent",
            party=Party.APPLICANT,
            sources=", ".join(RUNNING),
        )
    now = clock.now()
    given = Consent(
        id=clock.new_id(),
        organisation_id=organisation_id,
        recipient_id=found.recipient_id,
        application_id=found.id,
        items=tuple(sorted(set(items))),
        created_at=now,
        expires_at=check_expiry(expires_at, now=now),
    )
    store.insert_consent(session, given, _compiled(session, clock, given))
    note(session, subject_kind="financing_consent", subject_id=given.id, after=given)
    _tell_consent(session, clock, given, "given")
    return given


def revoke(
    *, session: Session, clock: Clock, organisation_id: OrganisationId, consent_id: UUID
) -> Consent:
    """Take a consent back: from now on its evidence is not shown. Done twice, it stays so.

    Raises:
        ConsentNotFoundError: the organisation gave none such.
    """
    found = store.lock_consent(session, consent_id, organisation_id=organisation_id)
    if found is None:
        raise ConsentNotFoundError(consent_id=consent_id)
    if found.revoked_at is not None:
        return found
    revoked = replace(found, revoked_at=clock.now())
    store.save_revocation(session, revoked)
    note(
        session,
        subject_kind="financing_consent",
        subject_id=found.id,
        before=found,
        after=revoked,
    )
    _tell_consent(session, clock, revoked, "revoked")
    return revoked


def list_consents(
    *,
    session: Session,
    party: OrganisationId,
    application_id: UUID,
    after: UUID | None,
    limit: int,
) -> list[Consent]:
    """A page of the consents for an application, in order of giving.

    Raises:
        ApplicationNotFoundError: there is no such application.
    """
    _found(session, application_id, party)
    return store.consents_after(session, application_id, after=after, limit=limit)


def list_evidence(
    *,
    session: Session,
    clock: Clock,
    party: OrganisationId,
    application_id: UUID,
    after: UUID | None,
    limit: int,
) -> list[Evidence]:
    """A page of figures: all for the applicant, those of consents in force for the recipient.

    That the recipient read stands in both trails.

    Raises:
        ApplicationNotFoundError: there is no such application.
    """
    found = _found(session, application_id, party)
    evidence = store.evidence_after(
        session, found, reader=party, now=clock.now(), after=after, limit=limit
    )
    if evidence and party != found.organisation_id:
        for chain in found.parties:
            note(
                session,
                subject_kind="financing_application",
                subject_id=found.id,
                after={"evidence_read_by": party, "consents": _consents_of(evidence)},
                organisation_id=chain,
            )
    return evidence


def _consents_of(evidence: Sequence[Evidence]) -> list[str]:
    return sorted({str(one.consent_id) for one in evidence})


def _check_recipients(
    session: Session, organisation_id: OrganisationId, recipients: Sequence[OrganisationId]
) -> None:
    known = identity.organisations_by_id(session=session, organisation_ids=set(recipients))
    for place, recipient_id in enumerate(recipients):
        found = known.get(recipient_id)
        is_fit = found is not None and found.kind is OrganisationKind.INVESTOR
        if not is_fit or recipient_id == organisation_id or recipient_id in recipients[:place]:
            raise RecipientUnfitError(organisation_id=recipient_id)


def _found(
    session: Session,
    application_id: UUID,
    party: OrganisationId,
    *,
    side: Party | None = None,
    lock: bool = False,
) -> Application:
    """Of which ``party`` is ``side``, or either."""
    found = store.find_application(session, application_id, party=party, lock=lock)
    if found is None or side not in {None, found.party(party)}:
        raise ApplicationNotFoundError(application_id=application_id)
    return found


def _save(session: Session, clock: Clock, before: Application, after: Application) -> Application:
    store.save_application(session, after)
    _tell(session, clock, before, after)
    return after


def _compiled(session: Session, clock: Clock, given: Consent) -> list[Evidence]:
    return [
        Evidence(
            id=clock.new_id(),
            organisation_id=given.organisation_id,
            recipient_id=given.recipient_id,
            consent_id=given.id,
            as_of=given.created_at,
            figure=figure,
        )
        for item in given.items
        for figure in figures(item, _SOURCES[item](session, given))
    ]


def _settled_value(session: Session, given: Consent) -> list[Source]:
    income = ledger.list_income(
        session=session,
        organisation_id=given.organisation_id,
        since=given.created_at - EVIDENCE_SPAN,
        until=given.created_at,
    )
    return [
        Source(one.id, one.amount.minor, f"{one.at:%Y-%m}", one.amount.currency) for one in income
    ]


def _open_escrow(session: Session, given: Consent) -> list[Source]:
    held = ledger.list_held_for(session=session, organisation_id=given.organisation_id)
    return [Source(one.id, one.amount.minor, None, one.amount.currency) for one in held]


def _invoiced_value(session: Session, given: Consent) -> list[Source]:
    confirmed = invoices.list_confirmed(
        session=session,
        supplier_id=given.organisation_id,
        since=given.created_at - EVIDENCE_SPAN,
        until=given.created_at,
    )
    return [
        Source(
            one.id,
            one.total_minor if one.credits is None else -one.total_minor,
            f"{one.created_at:%Y-%m}",
            one.currency,
        )
        for one in confirmed
    ]


def _on_time(session: Session, given: Consent) -> list[Source]:
    return _facts(session, given, FactKind.FINISHED, counts=lambda late: late == 0)


def _disputes(session: Session, given: Consent) -> list[Source]:
    return _facts(session, given, FactKind.DISPUTED, counts=lambda disputed: disputed == 1)


def _facts(
    session: Session, given: Consent, kind: FactKind, *, counts: Callable[[int], bool]
) -> list[Source]:
    found = deals.list_facts(
        session=session,
        organisation_id=given.organisation_id,
        kind=kind,
        since=given.created_at - EVIDENCE_SPAN,
        until=given.created_at,
    )
    return [Source(fact.id, int(counts(fact.value))) for fact in found]


_SOURCES: Final[Mapping[Item, Callable[[Session, Consent], list[Source]]]] = {
    Item.SETTLED_VALUE: _settled_value,
    Item.ON_TIME: _on_time,
    Item.DISPUTES: _disputes,
    Item.OPEN_ESCROW: _open_escrow,
    Item.INVOICED_VALUE: _invoiced_value,
}


def _tell(session: Session, clock: Clock, before: Application | None, after: Application) -> None:
    note(
        session,
        subject_kind="financing_application",
        subject_id=after.id,
        before=before,
        after=after,
    )
    now = clock.now()
    event = ApplicationChanged(
        id=clock.new_id(),
        occurred_at=now,
        application_id=after.id,
        organisation_id=after.organisation_id,
        recipient_id=after.recipient_id,
        state=after.state,
        audience=Audience(organisation_ids=after.parties),
    )
    emit(session, event, now=now)


def _tell_consent(session: Session, clock: Clock, given: Consent, change: str) -> None:
    now = clock.now()
    event = ConsentChanged(
        id=clock.new_id(),
        occurred_at=now,
        consent_id=given.id,
        application_id=given.application_id,
        organisation_id=given.organisation_id,
        recipient_id=given.recipient_id,
        change=change,
        audience=Audience(organisation_ids=(given.organisation_id, given.recipient_id)),
    )
    emit(session, event, now=now)
