"""Service contracts on connected equipment, work orders and remote sessions."""

from typing import Final

from services.contracts.actions import Action
from services.contracts.policies.deciding import Policies, Policy, Scope
from services.contracts.policies.roles import OWNING, SELLING, TRADING

POLICIES: Final[Policies] = {
    Action.SERVICE_PROPOSE: Policy(
        OWNING, Scope.OWN, "propose a service contract for own machines", "为自有设备提出服务合同"
    ),
    Action.SERVICE_READ: Policy(
        TRADING, Scope.OWN, "read service contracts one is a party to", "查看本组织的服务合同"
    ),
    Action.SERVICE_ANSWER: Policy(
        OWNING, Scope.OWN, "agree to a service contract or decline it", "同意或拒绝服务合同"
    ),
    Action.SERVICE_END: Policy(
        OWNING, Scope.OWN, "end a service contract one is a party to", "终止本组织的服务合同"
    ),
    Action.WORK_REQUEST: Policy(
        SELLING, Scope.OWN, "ask for work on an own machine", "为自有设备请求服务"
    ),
    Action.WORK_READ: Policy(
        TRADING,
        Scope.OWN,
        "read work orders one is a party to, their findings and sessions",
        "查看本组织的工单、诊断结论与远程会话",
    ),
    Action.WORK_DO: Policy(
        SELLING,
        Scope.OWN,
        "accept a work order as its provider, record findings, report",
        "以服务商接受工单、登记结论并报告",
    ),
    Action.WORK_CLOSE: Policy(
        SELLING,
        Scope.OWN,
        "close, return or cancel a work order on an own machine",
        "关闭、退回或取消自有设备的工单",
    ),
    Action.WORK_PAY: Policy(OWNING, Scope.OWN, "pay the fee of a work order", "支付工单服务费"),
    Action.REMOTE_REQUEST: Policy(
        SELLING, Scope.OWN, "ask for a remote session as provider", "以服务商申请远程会话"
    ),
    Action.REMOTE_CONSENT: Policy(
        SELLING,
        Scope.OWN,
        "consent to a remote session on an own machine, or refuse it",
        "同意或拒绝自有设备的远程会话",
        person=True,
    ),
    Action.REMOTE_LOOK: Policy(
        SELLING,
        Scope.OWN,
        "look at a machine within a session its owner granted",
        "在设备所有者授权的会话内查看设备",
    ),
    Action.REMOTE_END: Policy(SELLING, Scope.OWN, "end a remote session", "结束远程会话"),
}
