"""Sites, gateways, resources and what is free of them."""

from typing import Final

from services.contracts.access import Role
from services.contracts.actions import Action
from services.contracts.policies.deciding import Policies, Policy, Scope, Who
from services.contracts.policies.roles import SELLING

POLICIES: Final[Policies] = {
    Action.SITE_CREATE: Policy(SELLING, Scope.OWN, "register a site", "登记场所"),
    Action.SITE_READ: Policy(Who.ANYONE, Scope.VISIBLE, "read sites", "查看场所"),
    Action.GATEWAY_CREATE: Policy(SELLING, Scope.OWN, "register a gateway", "登记网关"),
    Action.GATEWAY_READ: Policy(SELLING, Scope.OWN, "read gateways", "查看网关"),
    Action.GATEWAY_ENROL: Policy(
        SELLING, Scope.OWN, "make an enrolment code for a gateway", "为网关生成注册码"
    ),
    Action.GATEWAY_CREDENTIAL_READ: Policy(
        SELLING, Scope.OWN, "read which credentials a gateway has", "查看网关的凭证"
    ),
    Action.GATEWAY_CREDENTIAL_REVOKE: Policy(
        SELLING, Scope.OWN, "revoke a gateway's credential", "撤销网关的凭证"
    ),
    Action.ENROLMENT_REDEEM: Policy(
        Who.ANYONE, Scope.SELF, "exchange an enrolment code for a credential", "用注册码换取凭证"
    ),
    Action.GATEWAY_SHARE: Policy(
        SELLING,
        Scope.OWN,
        "let own gateways serve others' machines",
        "让自有网关服务其他组织的设备",
    ),
    Action.RESOURCE_REGISTER: Policy(SELLING, Scope.OWN, "register a resource", "登记资源"),
    Action.RESOURCE_READ: Policy(Who.ANYONE, Scope.VISIBLE, "read resources", "查看资源"),
    Action.RESOURCE_CHANGE: Policy(
        SELLING,
        Scope.OWN,
        "change a resource's calendar, companions, twin, maintenance or terms",
        "更改资源的日历、联合占用、孪生、维护或条款",
    ),
    Action.CAPACITY_READ: Policy(
        Who.ANYONE, Scope.VISIBLE, "read state, free time and withdrawals", "查看状态、空闲与撤回"
    ),
    Action.QUARANTINE_READ: Policy(
        SELLING | {Role.SYSTEM_ADMIN},
        Scope.OWN,
        "read messages of own gateways that were not understood",
        "查看自有网关无法解析的消息",
    ),
}
