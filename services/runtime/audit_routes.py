"""HTTP doors of the audit trail."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Response

from services.contracts.documents import Instant
from services.contracts.policies import Action
from services.runtime.audit import handlers
from services.runtime.audit.store import Filter
from services.runtime.audit_schemas import AuditEntryRead, AuditHeadRead
from services.runtime.routing import api_router
from services.runtime.tabular import Page, PageDep
from services.runtime.web import PrincipalDep, SessionDep, requires

router = api_router(tags=["audit"], dependencies=[requires(Action.AUDIT_READ)])

ChainQuery = Annotated[
    UUID | None,
    Query(description="an organisation, for the audit administrator; all zeros: the platform"),
]


@router.get("/audit", response_model=Page[AuditEntryRead])
def list_audit_entries(
    session: SessionDep,
    principal: PrincipalDep,
    page: PageDep,
    chain: ChainQuery = None,
    action: Annotated[str | None, Query(max_length=100)] = None,
    actor_id: UUID | None = None,
    subject_id: Annotated[str | None, Query(max_length=200)] = None,
    since: Instant | None = None,
    until: Instant | None = None,
) -> Page[AuditEntryRead] | Response:
    """Entries of one chain in their order: who did what to which thing."""
    wanted = Filter(
        action=action,
        actor_id=actor_id,
        subject_id=subject_id,
        since=since,
        until=until,
    )
    found = handlers.list_entries(
        session=session,
        principal=principal,
        chain=chain,
        after=page.after,
        limit=page.fetch,
        wanted=wanted,
    )
    return page.answer(found, AuditEntryRead.of, name="audit")


@router.get("/audit/head")
def get_audit_head(
    session: SessionDep, principal: PrincipalDep, chain: ChainQuery = None
) -> AuditHeadRead:
    """Where the chain ends; whoever keeps a copy can prove later that nothing was cut off."""
    return AuditHeadRead.of(handlers.get_head(session=session, principal=principal, chain=chain))
