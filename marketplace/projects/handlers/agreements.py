"""Use cases of what every member must accept: stakes, leaving, terms of intellectual property."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlmodel import Session

from marketplace.projects import store
from marketplace.projects.domain.agreeing import (
    Agreement,
    AgreementKind,
    AgreementState,
    Consent,
    check_proposed,
    verdict,
)
from marketplace.projects.domain.project import (
    MemberMoveError,
    MemberState,
    Project,
    check_parts,
    restaked,
)
from marketplace.projects.handlers.finding import joined, locked, part, tell
from marketplace.projects.tables import ProjectAgreementRow
from services.contracts.access import Acting
from services.contracts.ids import OrganisationId
from services.runtime.clock import Clock
from services.runtime.tenancy import also_showing


def propose(
    *,
    session: Session,
    clock: Clock,
    acting: Acting,
    project_id: UUID,
    kind: AgreementKind,
    parts: Mapping[OrganisationId, int],
    document: Mapping[str, Any],
    leaves: bool = False,
) -> Agreement:
    """Propose new stakes or terms; the proposer accepts them by proposing.

    ``leaves``: the proposer gives up its place, and ``parts`` are those of the others.

    Raises:
        ProjectNotFoundError, ProjectClosedError: no such project.
        StakesInvalidError: the parts are not of exactly the members, or no whole.
        MemberMoveError: who leads does not leave.
    """
    own = acting.organisation_id
    project = locked(session, project_id, own)
    if leaves and own == project.organisation_id:
        raise MemberMoveError(organisation_id=own, state="its leader", wanted=MemberState.LEFT)
    check_parts(parts, [one for one in project.joined if not (leaves and one == own)])
    proposed = Agreement(
        id=clock.new_id(),
        project_id=project_id,
        organisation_id=own,
        kind=kind,
        number=store.next_number(session, ProjectAgreementRow, project_id=project_id, kind=kind),
        parts=dict(parts),
        document=dict(document),
        leaver_id=own if leaves else None,
        state=AgreementState.PROPOSED,
        created_at=clock.now(),
    )
    store.add(session, proposed)
    tell(session, clock, project, "project_agreement", before=None, after=proposed)
    return _answered(session, clock, acting, project, proposed, accepts=True)


def answer(
    *, session: Session, clock: Clock, acting: Acting, agreement_id: UUID, accepts: bool
) -> Agreement:
    """Accept or refuse a proposal; with the last acceptance it is in force.

    Raises:
        PartNotFoundError, ProjectNotFoundError, ProjectClosedError: no such proposal.
        AgreementOverError: it is decided.
        StakesInvalidError: members have come or gone since; propose anew.
    """
    found = part(session, Agreement, "agreement", agreement_id)
    project = locked(session, found.project_id, acting.organisation_id)
    found = part(session, Agreement, "agreement", agreement_id)
    check_proposed(found)
    return _answered(session, clock, acting, project, found, accepts=accepts)


def get_agreement(
    *, session: Session, organisation_id: OrganisationId, agreement_id: UUID
) -> tuple[Agreement, list[Consent]]:
    """A proposal and what was said to it.

    Raises:
        PartNotFoundError, ProjectNotFoundError: no such proposal.
    """
    found = part(session, Agreement, "agreement", agreement_id)
    joined(session, found.project_id, organisation_id, invited=True)
    return found, store.consents(session, agreement_id)


def list_agreements(
    *,
    session: Session,
    organisation_id: OrganisationId,
    project_id: UUID,
    after: UUID | None,
    limit: int,
) -> list[Agreement]:
    """A page of stakes and terms, in order of proposing.

    Raises:
        ProjectNotFoundError: no such project.
    """
    joined(session, project_id, organisation_id, invited=True)
    return store.page(session, Agreement, after=after, limit=limit, project_id=project_id)


def _answered(
    session: Session,
    clock: Clock,
    acting: Acting,
    project: Project,
    found: Agreement,
    *,
    accepts: bool,
) -> Agreement:
    own = acting.organisation_id
    said = store.consents(session, found.id)
    if all(one.organisation_id != own for one in said):
        consent = Consent(
            id=clock.new_id(),
            project_id=project.id,
            agreement_id=found.id,
            organisation_id=own,
            person_id=acting.principal.id,
            accepts=accepts,
            at=clock.now(),
        )
        store.add(session, consent)
        said.append(consent)
    state = verdict(project.joined, said)
    if state is AgreementState.PROPOSED:
        return found
    decided = replace(found, state=state, decided_at=clock.now())
    if state is AgreementState.IN_FORCE:
        _bring_into_force(session, clock, project, decided)
    store.save(session, decided, "state", "decided_at")
    tell(session, clock, project, "project_agreement", before=found, after=decided)
    if state is AgreementState.IN_FORCE and decided.kind is AgreementKind.STAKES:
        _restake(session, clock, project, decided)
    return decided


def _bring_into_force(session: Session, clock: Clock, project: Project, decided: Agreement) -> None:
    """What was in force is not any more."""
    staying = [one for one in project.joined if one != decided.leaver_id]
    check_parts(decided.parts, staying)
    for earlier in store.agreements(session, project.id, AgreementState.IN_FORCE):
        if earlier.kind is decided.kind:
            over = replace(earlier, state=AgreementState.SUPERSEDED, decided_at=clock.now())
            store.save(session, over, "state")


def _restake(session: Session, clock: Clock, project: Project, decided: Agreement) -> None:
    """The leaver, who may be the caller, goes last: then it sees the project no more."""
    members = store.members(session, project.id, MemberState.JOINED)
    changed = restaked(members, decided.parts, leaver=decided.leaver_id, now=clock.now())
    with also_showing(session, [project.id]):
        for member in sorted(changed, key=lambda one: one.state is MemberState.LEFT):
            store.save(session, member, "stake", "state", "changed_at")
