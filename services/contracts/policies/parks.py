"""Services for teams in a park, and what is asked of them."""

from typing import Final

from services.contracts.actions import Action
from services.contracts.policies.deciding import Policies, Policy, Scope, Who
from services.contracts.policies.roles import PARK_OPERATING, TRADING

POLICIES: Final[Policies] = {
    Action.PARK_SERVICE_PUBLISH: Policy(
        PARK_OPERATING | TRADING,
        Scope.OWN,
        "offer a service in a park one operates or is in",
        "在所运营或加入的园区发布服务",
    ),
    Action.PARK_SERVICE_READ: Policy(
        Who.MEMBER,
        Scope.OWN,
        "read the services of a park one operates or is in",
        "查看所运营或加入的园区的服务",
    ),
    Action.PARK_SERVICE_ASK: Policy(
        TRADING, Scope.VISIBLE, "ask for a service of a park one is in", "申请所在园区的服务"
    ),
    Action.PARK_REQUEST_READ: Policy(
        PARK_OPERATING | TRADING,
        Scope.OWN,
        "read requests for park services one made or received",
        "查看本组织提出或收到的园区服务请求",
    ),
    Action.PARK_REQUEST_ANSWER: Policy(
        PARK_OPERATING | TRADING,
        Scope.OWN,
        "accept or decline a request for a park service one provides",
        "接受或拒绝园区服务请求",
    ),
    Action.PARK_REQUEST_CONFIRM: Policy(
        TRADING,
        Scope.OWN,
        "confirm that a park service was done, or withdraw the request",
        "确认园区服务已完成，或撤回请求",
    ),
}
