"""Configurable products and their orders."""

from typing import Final

from services.contracts.actions import Action
from services.contracts.policies.deciding import Policies, Policy, Scope, Who
from services.contracts.policies.roles import BUYING, SELLING, TRADING

POLICIES: Final[Policies] = {
    Action.PRODUCT_PUBLISH: Policy(
        SELLING, Scope.OWN, "publish a configurable product", "发布可配置产品"
    ),
    Action.PRODUCT_READ: Policy(Who.ANYONE, Scope.VISIBLE, "read products", "查看可配置产品"),
    Action.PRODUCT_EDIT: Policy(
        SELLING,
        Scope.OWN,
        "give an own product its next version, or withdraw it",
        "发布自有产品的新版本或将其下架",
    ),
    Action.PRODUCT_CONFIGURE: Policy(
        BUYING, Scope.VISIBLE, "configure a product and search a route", "配置产品并规划路线"
    ),
    Action.PRODUCT_ORDER: Policy(
        BUYING, Scope.VISIBLE, "order a configured product", "订购已配置的产品"
    ),
    Action.PRODUCT_ORDER_READ: Policy(
        TRADING,
        Scope.OWN,
        "read product orders as buyer or maker",
        "以买方或产品方查看定制订单",
    ),
    Action.PRODUCT_ORDER_DECIDE: Policy(
        BUYING,
        Scope.OWN,
        "confirm an own product order, cancel it, pay its milestones",
        "确认或取消自有定制订单，支付其里程碑",
    ),
}
