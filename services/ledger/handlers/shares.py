"""Use cases of share rules."""

from collections.abc import Sequence
from typing import ClassVar
from uuid import UUID

from sqlmodel import Session

from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OrganisationId
from services.identity import handlers as identity
from services.ledger.domain import ShareMember, ShareRule
from services.ledger.domain.shares import check_members
from services.ledger.store import escrows as store
from services.runtime.audit.recording import note
from services.runtime.clock import Clock


class ShareRuleNotFoundError(DomainError):
    code: ClassVar[str] = "share-rule-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "The payee has no share rule {rule_id}; list /share-rules."
    zh: ClassVar[str] = "收款方没有分成规则 {rule_id}；请查看 /share-rules。"


def create_share_rule(
    *,
    session: Session,
    clock: Clock,
    organisation_id: OrganisationId,
    name: str,
    members: Sequence[ShareMember],
) -> ShareRule:
    """Say how what the organisation is paid is shared; it is never changed afterwards.

    Raises:
        ShareRuleInvalidError: the stakes are no whole, or a member stands in it twice.
        OrganisationNotFoundError: a member is no organisation.
    """
    check_members(members)
    for member in members:
        identity.get_organisation(session=session, organisation_id=member.organisation_id)
    rule = ShareRule(
        id=clock.new_id(),
        organisation_id=organisation_id,
        name=name,
        members=tuple(members),
        created_at=clock.now(),
    )
    store.insert_share_rule(session, rule)
    note(session, subject_kind="share_rule", subject_id=rule.id, after=rule)
    return rule


def get_share_rule(
    *, session: Session, organisation_id: OrganisationId, rule_id: UUID
) -> ShareRule:
    """Read an own rule.

    Raises:
        ShareRuleNotFoundError: the organisation has none of that id.
    """
    found = store.find_share_rule(session, rule_id, organisation_id)
    if found is None:
        raise ShareRuleNotFoundError(rule_id=rule_id)
    return found


def list_share_rules(
    *, session: Session, organisation_id: OrganisationId, after: UUID | None, limit: int
) -> list[ShareRule]:
    return store.share_rules_after(
        session, organisation_id=organisation_id, after=after, limit=limit
    )
