"""The taxonomies, offers, demands, matches and rounds."""

from typing import Final

from services.contracts.actions import Action
from services.contracts.policies.deciding import Policies, Policy, Scope, Who
from services.contracts.policies.roles import BUYING, CLEARING, SELLING

POLICIES: Final[Policies] = {
    Action.TAXONOMY_READ: Policy(Who.ANYONE, Scope.PUBLIC, "read the taxonomies", "查看分类"),
    Action.DIRECTION_READ: Policy(
        Who.ANYONE, Scope.PUBLIC, "read the directions and their forms", "查看方向及其表单"
    ),
    Action.OFFER_PUBLISH: Policy(SELLING, Scope.OWN, "publish an offer", "发布要约"),
    Action.OFFER_READ: Policy(
        Who.ANYONE, Scope.VISIBLE, "read offers and prices", "查看要约与价格"
    ),
    Action.OFFER_EDIT: Policy(
        SELLING, Scope.OWN, "give an own offer its next version", "修改自有要约为新版本"
    ),
    Action.OFFER_REVIEW: Policy(
        SELLING,
        Scope.OWN,
        "review versions and completeness of own offers",
        "查看自有要约的版本与完整度",
    ),
    Action.OFFER_WITHDRAW: Policy(SELLING, Scope.OWN, "withdraw an offer", "撤回要约"),
    Action.DEMAND_CREATE: Policy(BUYING, Scope.OWN, "state a demand", "提出需求"),
    Action.DEMAND_READ: Policy(BUYING, Scope.OWN, "read own demands", "查看自有需求"),
    Action.DEMAND_MATCH: Policy(BUYING, Scope.OWN, "match a demand", "匹配需求"),
    Action.MATCH_READ: Policy(BUYING, Scope.OWN, "read own matches", "查看自有匹配"),
    Action.ROUTE_PLAN: Policy(
        BUYING, Scope.VISIBLE, "route a process chain over visible offers", "为工艺链规划路线"
    ),
    Action.ROUND_OPEN: Policy(
        CLEARING,
        Scope.OWN,
        "open a round for an own park or a chain space one leads; the platform's one for everybody",
        "为所运营的园区或所牵头的产业链空间开启撮合轮次；平台可面向全体",
    ),
    Action.ROUND_READ: Policy(
        Who.MEMBER, Scope.VISIBLE, "read rounds and their totals", "查看撮合轮次及其汇总"
    ),
    Action.ROUND_CLOSE: Policy(
        CLEARING, Scope.OWN, "close a round one opened early", "提前结束本组织开启的撮合轮次"
    ),
    Action.ROUND_JOIN: Policy(
        BUYING, Scope.VISIBLE, "pool an own demand in a round", "将自有需求加入撮合轮次"
    ),
    Action.ROUND_LEAVE: Policy(
        BUYING, Scope.OWN, "take an own demand out of an open round", "将自有需求撤出开放的轮次"
    ),
    Action.OUTCOME_READ: Policy(
        BUYING,
        Scope.VISIBLE,
        "read how own demands came out of a round",
        "查看自有需求在轮次中的结果",
    ),
}
