"""The idea box, and promoting what is offered within the firm to everybody."""

from typing import Final

from services.contracts.access import Role
from services.contracts.actions import Action
from services.contracts.policies.deciding import Policies, Policy, Scope, Who
from services.contracts.policies.roles import OWNING, SELLING

_FUNDING: Final = frozenset({Role.OWNER, Role.SELLER, Role.EXPERT})

POLICIES: Final[Policies] = {
    Action.IDEA_BOX_OPEN: Policy(
        OWNING, Scope.OWN, "open and change idea boxes", "开启和修改创意箱"
    ),
    Action.IDEA_READ: Policy(
        Who.MEMBER, Scope.OWN, "read the ideas of the own firm", "查看本企业的创意"
    ),
    Action.IDEA_SUBMIT: Policy(
        Who.MEMBER,
        Scope.OWN,
        "have ideas and comment on them",
        "提出创意并发表评论",
        person=True,
    ),
    Action.IDEA_VOTE: Policy(
        Who.MEMBER, Scope.OWN, "vote on ideas of the own firm", "为本企业的创意投票", person=True
    ),
    Action.IDEA_DECIDE: Policy(
        _FUNDING,
        Scope.OWN,
        "advance an idea with the money of its stage, or decline it",
        "推进创意并拨付该阶段资金，或予以否决",
        person=True,
    ),
    Action.PROMOTION_ASK: Policy(
        SELLING,
        Scope.OWN,
        "ask that an own offer be promoted to the public market",
        "申请将内部要约开放到公共市场",
        person=True,
    ),
    Action.PROMOTION_DECIDE: Policy(
        OWNING,
        Scope.OWN,
        "promote an offer somebody else asked for, or decline",
        "审核他人提出的开放申请",
        person=True,
    ),
}
