"""Use cases of gigs: publish, apply, assign, hand in, accept or send back."""

from dataclasses import replace
from datetime import datetime
from typing import ClassVar, Final
from uuid import UUID

from sqlmodel import Session

from marketplace.projects import store
from marketplace.projects.domain.gigs import (
    Gig,
    GigApplication,
    GigMove,
    GigState,
    GigUnfundedError,
    moved,
)
from marketplace.projects.domain.project import MemberState
from marketplace.projects.handlers.finding import led
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.events.envelope import Audience
from services.contracts.events.projects import GigChanged
from services.contracts.ids import OrganisationId
from services.contracts.money import Money
from services.ledger import handlers as ledger
from services.ledger.domain import EscrowState, EscrowTerms, ShareMember, Subject
from services.runtime.audit.recording import note
from services.runtime.clock import Clock
from services.runtime.outbox import emit

SUBJECT: Final = "gig"


class GigNotFoundError(DomainError):
    code: ClassVar[str] = "gig-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "No gig {gig_id} is open to you in this way; list /gigs."
    zh: ClassVar[str] = "没有您可如此操作的零工任务 {gig_id}；请查看 /gigs。"


class GigApplicationError(DomainError):
    code: ClassVar[str] = "gig-application-invalid"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Organisation {organisation_id} has no such application for {gig_id}: {en}."
    zh: ClassVar[str] = "组织 {organisation_id} 对零工任务 {gig_id} 的申请无效：{zh}。"


def publish(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    project_id: UUID,
    title: str,
    about: str,
    pay: Money,
    due_at: datetime,
) -> Gig:
    """Offer a piece of an own project's work to whoever sees the project.

    Raises:
        ProjectNotFoundError, ProjectClosedError: no such project.
    """
    led(session, project_id, organisation_id)
    published = Gig(
        id=clock.new_id(),
        project_id=project_id,
        organisation_id=organisation_id,
        title=title,
        about=about,
        pay_minor=pay.minor,
        currency=pay.currency,
        due_at=due_at,
        state=GigState.PUBLISHED,
        created_at=clock.now(),
        updated_at=clock.now(),
    )
    store.add(session, published)
    _tell(session, clock, None, published)
    return published


def get_gig(*, session: Session, gig_id: UUID) -> Gig:
    """Read a gig the caller sees.

    Raises:
        GigNotFoundError: there is none.
    """
    return _found(session, gig_id)


def list_gigs(*, session: Session, after: UUID | None, limit: int) -> list[Gig]:
    """A page of the gigs the caller sees, in order of publishing."""
    return store.page(session, Gig, after=after, limit=limit)


def apply(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    gig_id: UUID,
    text: str,
    team_id: UUID | None,
) -> GigApplication:
    """Apply for a gig, perhaps with an own team: its members share the pay by their stakes of now.

    Raises:
        GigNotFoundError, ProjectNotFoundError, ProjectClosedError: no such gig or team.
        GigRefusedError: it is assigned already.
        GigApplicationError: it is the own one, or was applied for.
    """
    gig = _found(session, gig_id)
    moved(gig, GigMove.APPLY)
    known = store.page(
        session, GigApplication, after=None, limit=1, gig_id=gig_id, organisation_id=organisation_id
    )
    if known or gig.organisation_id == organisation_id:
        raise GigApplicationError(
            organisation_id=organisation_id,
            gig_id=gig_id,
            en="it is the own gig or was applied for before",
            zh="不能申请自己的任务，也不能重复申请",
        )
    applied = GigApplication(
        id=clock.new_id(),
        gig_id=gig_id,
        organisation_id=organisation_id,
        owner_id=gig.organisation_id,
        text=text,
        team_id=team_id,
        share_rule_id=None
        if team_id is None
        else _share_rule(session, clock, organisation_id, team_id),
        created_at=clock.now(),
    )
    store.add(session, applied)
    note(session, subject_kind="gig_application", subject_id=applied.id, after=applied)
    return applied


def list_applications(
    *,
    session: Session,
    organisation_id: OrganisationId,
    gig_id: UUID,
    after: UUID | None,
    limit: int,
) -> list[GigApplication]:
    """A page of the applications for an own gig, or of the own ones.

    Raises:
        GigNotFoundError: the organisation published none such, and sees none.
    """
    gig = _found(session, gig_id)
    own = {} if gig.organisation_id == organisation_id else {"organisation_id": organisation_id}
    return store.page(session, GigApplication, after=after, limit=limit, gig_id=gig_id, **own)


def assign(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    gig_id: UUID,
    worker_id: OrganisationId,
) -> Gig:
    """Give an own gig to an applicant; its pay is agreed in an escrow, funded by ``/payments``.

    Raises:
        GigNotFoundError, GigRefusedError: no own gig that is published.
        GigApplicationError: the organisation did not apply.
    """
    gig = _locked(session, gig_id, publisher=organisation_id)
    state = moved(gig, GigMove.ASSIGN)
    applied = store.page(
        session, GigApplication, after=None, limit=1, gig_id=gig_id, organisation_id=worker_id
    )
    if not applied:
        raise GigApplicationError(
            organisation_id=worker_id, gig_id=gig_id, en="it did not apply", zh="未申请"
        )
    escrow = ledger.open_escrow(
        session=session,
        clock=clock,
        subject=Subject(SUBJECT, gig.id),
        payer=organisation_id,
        payee=worker_id,
        amount=Money(gig.pay_minor, gig.currency),
        terms=EscrowTerms(share_rule_id=applied[0].share_rule_id),
    )
    assigned = replace(
        gig, state=state, worker_id=worker_id, team_id=applied[0].team_id, escrow_id=escrow.id
    )
    return _save(session, clock, gig, assigned)


def hand_in(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    gig_id: UUID,
    work: str,
) -> Gig:
    """Hand in what was done; the first time counts for punctuality.

    Raises:
        GigNotFoundError, GigRefusedError: no gig assigned to the organisation.
        GigUnfundedError: the pay is not set aside.
    """
    gig = _locked(session, gig_id, worker=organisation_id)
    state = moved(gig, GigMove.HAND_IN)
    escrow = ledger.find_escrow(session=session, subject=Subject(SUBJECT, gig.id))
    if escrow is None or escrow.state is not EscrowState.FUNDED:
        raise GigUnfundedError(gig_id=gig_id)
    first = gig.handed_in_at or clock.now()
    handed = replace(
        gig, state=state, work=work, handed_in_at=first, hand_ins=gig.hand_ins + 1, reason=None
    )
    return _save(session, clock, gig, handed)


def accept(*, session: Session, clock: Clock, organisation_id: OrganisationId, gig_id: UUID) -> Gig:
    """Accept what was handed in: the pay is released, and shared where a team did it.

    Raises:
        GigNotFoundError, GigRefusedError, EscrowRefusedError: nothing to accept or to pay.
    """
    gig = _locked(session, gig_id, publisher=organisation_id)
    state = moved(gig, GigMove.ACCEPT)
    assert gig.escrow_id is not None, "assigned with an escrow"
    ledger.release(
        session=session,
        clock=clock,
        escrow_id=gig.escrow_id,
        amount=Money(gig.pay_minor, gig.currency),
        because=f"gig accepted: {gig.title}",
        fact_id=gig.id,
    )
    return _save(session, clock, gig, replace(gig, state=state))


def send_back(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    gig_id: UUID,
    reason: str,
) -> Gig:
    """Send back what was handed in, and say why.

    Raises:
        GigNotFoundError, GigRefusedError: nothing was handed in.
    """
    gig = _locked(session, gig_id, publisher=organisation_id)
    state = moved(gig, GigMove.SEND_BACK)
    return _save(session, clock, gig, replace(gig, state=state, reason=reason))


def cancel(*, session: Session, clock: Clock, organisation_id: OrganisationId, gig_id: UUID) -> Gig:
    """Take back an own gig nobody was given.

    Raises:
        GigNotFoundError, GigRefusedError: no own gig that is published.
    """
    gig = _locked(session, gig_id, publisher=organisation_id)
    state = moved(gig, GigMove.CANCEL)
    return _save(session, clock, gig, replace(gig, state=state))


def _share_rule(
    session: Session, clock: Clock, organisation_id: OrganisationId, team_id: UUID
) -> UUID:
    """The team's stakes of now, as the ledger shares by them."""
    team = led(session, team_id, organisation_id)
    members = store.members(session, team_id, MemberState.JOINED)
    rule = ledger.create_share_rule(
        session=session,
        clock=clock,
        organisation_id=organisation_id,
        name=team.title,
        members=[ShareMember(one.organisation_id, one.stake) for one in members if one.stake],
    )
    return rule.id


def _found(session: Session, gig_id: UUID) -> Gig:
    found = store.find(session, Gig, gig_id)
    if found is None:
        raise GigNotFoundError(gig_id=gig_id)
    return found


def _locked(
    session: Session,
    gig_id: UUID,
    *,
    publisher: OrganisationId | None = None,
    worker: OrganisationId | None = None,
) -> Gig:
    """Of which the named party is the caller."""
    gig = _found(session, gig_id)
    if (publisher or worker) != (gig.organisation_id if publisher else gig.worker_id):
        raise GigNotFoundError(gig_id=gig_id)
    found = store.find(session, Gig, gig_id, lock=True)
    if found is None:
        raise GigNotFoundError(gig_id=gig_id)
    return found


def _save(session: Session, clock: Clock, before: Gig, after: Gig) -> Gig:
    saved = replace(after, updated_at=clock.now())
    store.save(
        session, saved, "state", "worker_id", "team_id", "escrow_id", "handed_in_at", "hand_ins",
        "work", "reason", "updated_at",
    )  # fmt: skip
    _tell(session, clock, before, saved)
    return saved


def _tell(session: Session, clock: Clock, before: Gig | None, after: Gig) -> None:
    note(session, subject_kind="gig", subject_id=after.id, before=before, after=after)
    now = clock.now()
    parties = [after.organisation_id, *([after.worker_id] if after.worker_id else [])]
    event = GigChanged(
        id=clock.new_id(),
        occurred_at=now,
        gig_id=after.id,
        project_id=after.project_id,
        organisation_id=after.organisation_id,
        worker_id=after.worker_id,
        state=after.state,
        audience=Audience(organisation_ids=tuple(parties)),
    )
    emit(session, event, now=now)
