"""Introductions: asked for by a team or an investor, consented to by the team, item by item."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import ClassVar, Final
from uuid import UUID

from sqlmodel import Session

from marketplace.incubation import store
from marketplace.incubation.domain import (
    FactKind,
    FigureKind,
    Introduction,
    IntroductionState,
    Move,
    Shown,
    Side,
    Source,
    check_expiry,
    figures,
    is_in_force,
    moved,
)
from marketplace.incubation.handlers.teams import TeamNotFoundError, get_team
from marketplace.incubation.handlers.telling import tell_introduction
from services.contracts.access import Acting
from services.contracts.confidentiality import SECRET
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OrganisationId
from services.ledger import handlers as ledger
from services.runtime.audit.recording import note
from services.runtime.clock import Clock
from services.runtime.files import handlers as documents

SPAN: Final = timedelta(days=366)


class IntroductionNotFoundError(DomainError):
    code: ClassVar[str] = "introduction-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = (
        "There is no introduction {introduction_id} you are party to; list /introductions."
    )
    zh: ClassVar[str] = "没有您参与的对接 {introduction_id}；请查看 /introductions。"


class InvestorUnapprovedError(DomainError):
    code: ClassVar[str] = "investor-unapproved"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = (
        "The team's incubator {incubator_id} does not vouch for investor {investor_id}; ask it to,"
        " or choose one of /investor-approvals."
    )
    zh: ClassVar[str] = (
        "团队所属孵化器 {incubator_id} 未为投资人 {investor_id} 背书；请先申请，或从"
        " /investor-approvals 中选择。"
    )


class AskedAlreadyError(DomainError):
    code: ClassVar[str] = "introduction-asked-already"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "Introduction {introduction_id} of the two waits for the team's consent."
    zh: ClassVar[str] = "双方已有对接 {introduction_id} 正在等待团队授权。"


class DocumentNotShowableError(DomainError):
    code: ClassVar[str] = "introduction-document-invalid"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = (
        "Document {document_id} cannot be shown by consent: choose own documents that are not"
        " secret, each once."
    )
    zh: ClassVar[str] = "文档 {document_id} 不能授权展示：请选择本组织的非机密文档，且不重复。"


def ask(
    *,
    session: Session,
    clock: Clock,
    party: OrganisationId,
    team: UUID,
    investor_id: OrganisationId,
    purpose: str,
) -> Introduction:
    """A team asks for an investor, or an investor for a team; nothing is shown by it.

    Raises:
        TeamNotFoundError: the caller is neither the team nor the investor.
        InvestorUnapprovedError: the team's incubator does not vouch for the investor.
        AskedAlreadyError: one of the two has asked before.
    """
    found = get_team(session=session, seen_by=party, team=team)
    if party not in {found.team_id, investor_id}:
        raise TeamNotFoundError(team=team)
    approval = store.approval_in_force(
        session, organisation_id=found.organisation_id, investor_id=investor_id
    )
    if approval is None:
        raise InvestorUnapprovedError(incubator_id=found.organisation_id, investor_id=investor_id)
    waiting = store.open_request(session, organisation_id=found.team_id, investor_id=investor_id)
    if waiting is not None:
        raise AskedAlreadyError(introduction_id=waiting.id)
    introduction = Introduction(
        id=clock.new_id(),
        organisation_id=found.team_id,
        investor_id=investor_id,
        incubator_id=found.organisation_id,
        incubated_id=found.id,
        approval_id=approval.id,
        asked_by=Side.TEAM if party == found.team_id else Side.INVESTOR,
        purpose=purpose,
        state=IntroductionState.ASKED,
        created_at=clock.now(),
    )
    store.insert_introduction(session, introduction)
    tell_introduction(session, clock, None, introduction)
    return introduction


def get_introduction(
    *, session: Session, seen_by: OrganisationId, introduction_id: UUID
) -> Introduction:
    """One of the team's, the investor's, or of a team the organisation incubates.

    Raises:
        IntroductionNotFoundError: there is none.
    """
    found = store.find_introduction(session, introduction_id, seen_by=seen_by)
    if found is None:
        raise IntroductionNotFoundError(introduction_id=introduction_id)
    return found


def list_introductions(
    *, session: Session, seen_by: OrganisationId, after: UUID | None, limit: int
) -> list[Introduction]:
    """A page of those one sees, in order of asking."""
    return store.introductions_after(session, seen_by=seen_by, after=after, limit=limit)


def consent(
    *,
    session: Session,
    clock: Clock,
    acting: Acting,
    introduction_id: UUID,
    kinds: Sequence[FigureKind],
    document_ids: Sequence[UUID],
    expires_at: datetime,
) -> Introduction:
    """The team shows exactly these figures, as of now, and documents, until ``expires_at``.

    Raises:
        IntroductionNotFoundError, IntroductionMovedError, ConsentTimeError: as they say.
        DocumentNotShowableError: a document is not the team's, secret, or named twice.
    """
    found = _of_party(session, acting.organisation_id, introduction_id, side=Side.TEAM)
    now = clock.now()
    after = moved(found, Move.CONSENT, acting.organisation_id, now=now)
    after = replace(after, expires_at=check_expiry(expires_at, now=now))
    _check_documents(session, clock, acting, document_ids)
    store.save_introduction(session, after)
    shown = [
        replace(_shown(clock, after), figure=figure)
        for kind in dict.fromkeys(kinds)
        for figure in figures(kind, _SOURCES[kind](session, after, now))
    ]
    shown += [replace(_shown(clock, after), document_id=one) for one in document_ids]
    store.insert_shown(session, shown)
    tell_introduction(session, clock, found, after)
    return after


def move(
    *,
    session: Session,
    clock: Clock,
    party: OrganisationId,
    introduction_id: UUID,
    to: Move,
) -> Introduction:
    """Revoke a consent, or close what was asked for.

    Raises:
        IntroductionNotFoundError, IntroductionMovedError: as they say.
    """
    side = Side.TEAM if to is Move.REVOKE else None
    found = _of_party(session, party, introduction_id, side=side)
    after = moved(found, to, party, now=clock.now())
    store.save_introduction(session, after)
    tell_introduction(session, clock, found, after)
    return after


def list_shown(
    *, session: Session, clock: Clock, party: OrganisationId, introduction_id: UUID
) -> list[Shown]:
    """All of it for the team; for the investor what it may see now. Reading it is on record.

    Raises:
        IntroductionNotFoundError: the organisation is neither.
    """
    found = _of_party(session, party, introduction_id, lock=False)
    if found.side(party) is Side.TEAM:
        return store.shown_of(session, introduction_id, reader=party)
    if not is_in_force(found, now=clock.now()):
        return []
    shown = store.shown_of(session, introduction_id, reader=party)
    if shown:
        for chain in found.parties:
            note(
                session,
                subject_kind="introduction",
                subject_id=found.id,
                after={"shown_to": party, "items": len(shown)},
                organisation_id=chain,
            )
    return shown


def _of_party(
    session: Session,
    party: OrganisationId,
    introduction_id: UUID,
    *,
    side: Side | None = None,
    lock: bool = True,
) -> Introduction:
    """Of which ``party`` is ``side``, or either; the incubator does not move it."""
    found = store.find_introduction(session, introduction_id, seen_by=party, lock=lock)
    if found is None or party not in found.parties or side not in {None, found.side(party)}:
        raise IntroductionNotFoundError(introduction_id=introduction_id)
    return found


def _check_documents(
    session: Session, clock: Clock, acting: Acting, document_ids: Sequence[UUID]
) -> None:
    for place, document_id in enumerate(document_ids):
        try:
            found = documents.get_document(
                session=session, clock=clock, acting=acting, document_id=document_id
            )
        except documents.DocumentNotFoundError as error:
            raise DocumentNotShowableError(document_id=document_id) from error
        is_own = found.organisation_id == acting.organisation_id
        if not is_own or found.confidentiality is SECRET or document_id in document_ids[:place]:
            raise DocumentNotShowableError(document_id=document_id)


def _shown(clock: Clock, of: Introduction) -> Shown:
    return Shown(clock.new_id(), of.organisation_id, of.investor_id, of.id)


def _milestones(session: Session, of: Introduction, now: datetime) -> list[Source]:
    del now  # all there are
    facts = store.facts_of(session, of.incubated_id)
    return [Source(fact.id, 1) for fact in facts if fact.kind is FactKind.REACHED]


def _settled(session: Session, of: Introduction, now: datetime) -> list[Source]:
    income = ledger.list_income(
        session=session, organisation_id=of.organisation_id, since=now - SPAN, until=now
    )
    return [Source(one.id, one.amount.minor, one.amount.currency) for one in income]


def _held(session: Session, of: Introduction, now: datetime) -> list[Source]:
    del now  # what is held is held now
    held = ledger.list_held_for(session=session, organisation_id=of.organisation_id)
    return [Source(one.id, one.amount.minor, one.amount.currency) for one in held]


_SOURCES: Final[Mapping[FigureKind, Callable[[Session, Introduction, datetime], list[Source]]]] = {
    FigureKind.MILESTONES: _milestones,
    FigureKind.SETTLED_VALUE: _settled,
    FigureKind.OPEN_ESCROW: _held,
}
