"""Samples and reports of laboratories, handovers of carriers."""

from typing import Final

from services.contracts.actions import Action
from services.contracts.policies.deciding import Policies, Policy, Scope, Who
from services.contracts.policies.roles import BUYING, SELLING, TRADING

POLICIES: Final[Policies] = {
    Action.SAMPLE_REGISTER: Policy(
        BUYING, Scope.OWN, "register a sample for a booked test", "为已预订的试验登记样品"
    ),
    Action.SAMPLE_READ: Policy(
        TRADING,
        Scope.OWN,
        "read samples one sent in or tests, and reports on them",
        "查看本组织送检或承检的样品及报告",
    ),
    Action.SAMPLE_HANDLE: Policy(
        SELLING,
        Scope.OWN,
        "receive, test, report on, return or dispose of a sample as its laboratory",
        "以实验室接收、试验、报告、退还或处置样品",
    ),
    Action.REPORT_VERIFY: Policy(
        Who.ANYONE,
        Scope.PUBLIC,
        "verify a test report by its number and code",
        "凭编号与校验码核验检测报告",
    ),
    Action.HANDOVER_RECORD: Policy(
        SELLING, Scope.OWN, "record a handover as carrier", "以承运方登记交接"
    ),
    Action.HANDOVER_READ: Policy(
        TRADING, Scope.OWN, "read handovers of a booking", "查看预订的交接记录"
    ),
    Action.HANDOVER_CONFIRM: Policy(
        BUYING, Scope.OWN, "confirm a handover of own goods", "确认自有货物的交接"
    ),
}
