"""``/share-rules``: who shares what the own organisation is paid (收益分成)."""

from uuid import UUID

from fastapi import Response

from services.contracts.policies import Action
from services.ledger import handlers
from services.ledger.schemas import ShareRuleIn, ShareRuleOut
from services.runtime.routing import api_router
from services.runtime.tabular import Page, PageDep
from services.runtime.web import ActingDep, ClockDep, CreationDep, SessionDep, requires

router = api_router(prefix="/share-rules", tags=["ledger"])


@router.post(
    "",
    status_code=201,
    response_model=ShareRuleOut,
    dependencies=[requires(Action.SHARE_RULE_CREATE)],
)
def create_share_rule(
    asked: ShareRuleIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """Say how own income is shared; a rule is never changed, new stakes are a new rule."""

    def work() -> ShareRuleOut:
        rule = handlers.create_share_rule(
            session=session,
            clock=clock,
            organisation_id=acting.organisation_id,
            name=asked.name,
            members=asked.parsed(),
        )
        return ShareRuleOut.of(rule)

    return creation.once(asked, work)


@router.get("", response_model=Page[ShareRuleOut], dependencies=[requires(Action.SHARE_RULE_READ)])
def list_share_rules(
    session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[ShareRuleOut] | Response:
    """Own rules, in order of making."""
    found = handlers.list_share_rules(
        session=session,
        organisation_id=acting.organisation_id,
        after=page.after,
        limit=page.fetch,
    )
    return page.answer(found, ShareRuleOut.of, name="share-rules")


@router.get("/{share_rule_id}", dependencies=[requires(Action.SHARE_RULE_READ)])
def read_share_rule(share_rule_id: UUID, session: SessionDep, acting: ActingDep) -> ShareRuleOut:
    """One own rule."""
    rule = handlers.get_share_rule(
        session=session, organisation_id=acting.organisation_id, rule_id=share_rule_id
    )
    return ShareRuleOut.of(rule)
