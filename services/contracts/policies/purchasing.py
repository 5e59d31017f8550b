"""Pooled purchasing: lists, parts in them, tiered quotes, shares."""

from typing import Final

from services.contracts.actions import Action
from services.contracts.policies.deciding import Policies, Policy, Scope
from services.contracts.policies.roles import BUYING, SELLING, TRADING

POLICIES: Final[Policies] = {
    Action.PURCHASE_LEAD: Policy(
        BUYING,
        Scope.OWN,
        "lead a purchasing list: draft, open, invite, compare and award",
        "牵头集采清单：起草、开放、邀请、比价与定标",
    ),
    Action.PURCHASE_READ: Policy(
        TRADING,
        Scope.VISIBLE,
        "read purchasing lists: own, open, or those one is invited to",
        "查看集采清单：自有、公开或受邀的",
    ),
    Action.PURCHASE_JOIN: Policy(
        BUYING,
        Scope.VISIBLE,
        "add quantities to a purchasing list and see one's share",
        "向集采清单添加需求数量并查看本方份额",
    ),
    Action.PURCHASE_CONFIRM: Policy(
        BUYING, Scope.VISIBLE, "confirm or decline one's share of a purchase", "确认或放弃集采份额"
    ),
    Action.PURCHASE_QUOTE: Policy(
        SELLING,
        Scope.VISIBLE,
        "quote tiered prices for a purchasing list",
        "对集采清单提交阶梯报价",
    ),
}
