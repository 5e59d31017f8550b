"""What members of a chain space share: weeks, orders, product records."""

from typing import Final

from services.contracts.actions import Action
from services.contracts.policies.deciding import Policies, Policy, Scope, Who
from services.contracts.policies.roles import TRADING

POLICIES: Final[Policies] = {
    Action.CHAIN_READ: Policy(
        Who.MEMBER,
        Scope.VISIBLE,
        "read weeks, gaps, orders and product records of a chain space one is in",
        "查看所在产业链空间的周度供需、缺口、订单与产品记录",
    ),
    Action.CHAIN_WRITE: Policy(
        TRADING,
        Scope.VISIBLE,
        "give demand and capacity by week in a chain space one is in, and track products there",
        "在所在产业链空间按周提交需求与能力，并登记产品",
    ),
    Action.CHAIN_RECORD: Policy(
        TRADING,
        Scope.VISIBLE,
        "add to the records of a product of a chain space one is in",
        "为所在产业链空间的产品添加记录",
    ),
    Action.CHAIN_ORDER_SHOW: Policy(
        TRADING,
        Scope.OWN,
        "show an own order to a chain space both parties are in",
        "向双方所在的产业链空间展示本组织的订单状态",
    ),
}
