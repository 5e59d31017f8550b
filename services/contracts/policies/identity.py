"""Organisations, their people and the communities they stand in."""

from typing import Final

from services.contracts.access import Role
from services.contracts.actions import Action
from services.contracts.policies.deciding import Policies, Policy, Scope, Who
from services.contracts.policies.roles import OWNING, PARK_OPERATING

POLICIES: Final[Policies] = {
    Action.ORGANISATION_CREATE: Policy(
        Who.SIGNED_IN,
        Scope.SELF,
        "register an organisation and become its owner",
        "注册组织并成为所有者",
    ),
    Action.ORGANISATION_READ: Policy(
        Who.ANYONE, Scope.PUBLIC, "read the directory of organisations", "查看组织名录"
    ),
    Action.ORGANISATION_CHANGE: Policy(
        OWNING,
        Scope.OWN,
        "change the organisation's names or credit code",
        "更改组织名称或统一社会信用代码",
    ),
    Action.VERIFICATION_REQUEST: Policy(
        OWNING,
        Scope.OWN,
        "ask for the organisation to be verified",
        "申请企业认证",
        person=True,
    ),
    Action.VERIFICATION_READ: Policy(
        Who.MEMBER, Scope.OWN, "read how the own verification stands", "查看本组织的认证进度"
    ),
    Action.VERIFICATION_REVIEW: Policy(
        frozenset({Role.SECURITY_ADMIN}),
        Scope.PLATFORM,
        "read requests for verification",
        "查看企业认证申请",
        strong=True,
    ),
    Action.VERIFICATION_DECIDE: Policy(
        frozenset({Role.SECURITY_ADMIN}),
        Scope.PLATFORM,
        "approve or reject a request for verification",
        "批准或驳回企业认证申请",
        strong=True,
        person=True,
    ),
    Action.MEMBER_READ: Policy(OWNING, Scope.OWN, "list members and their roles", "查看成员与角色"),
    Action.MEMBER_CHANGE: Policy(
        OWNING, Scope.OWN, "change a member's roles", "更改成员的角色", person=True
    ),
    Action.MEMBER_REMOVE: Policy(OWNING, Scope.OWN, "remove a member", "移除成员", person=True),
    Action.MEMBER_LEAVE: Policy(
        Who.MEMBER,
        Scope.SELF,
        "leave the organisation you act for",
        "退出当前所代表的组织",
        person=True,
    ),
    Action.INVITATION_CREATE: Policy(
        OWNING, Scope.OWN, "invite a person to the organisation", "邀请个人加入组织", person=True
    ),
    Action.INVITATION_READ: Policy(OWNING, Scope.OWN, "list invitations", "查看邀请"),
    Action.INVITATION_REVOKE: Policy(
        OWNING, Scope.OWN, "revoke an invitation", "撤销邀请", person=True
    ),
    Action.INVITATION_ACCEPT: Policy(
        Who.SIGNED_IN,
        Scope.SELF,
        "accept an invitation sent to you",
        "接受发给自己的邀请",
        person=True,
    ),
    Action.SERVICE_ACCOUNT_CREATE: Policy(
        OWNING,
        Scope.OWN,
        "make a service account for a program",
        "为程序创建服务账号",
        person=True,
    ),
    Action.SERVICE_ACCOUNT_READ: Policy(OWNING, Scope.OWN, "read service accounts", "查看服务账号"),
    Action.SERVICE_ACCOUNT_DELETE: Policy(
        OWNING,
        Scope.OWN,
        "delete a service account and its keys",
        "删除服务账号及其密钥",
        person=True,
    ),
    Action.PARK_CREATE: Policy(
        PARK_OPERATING,
        Scope.OWN,
        "register a park that the organisation operates",
        "登记所运营的园区",
    ),
    Action.PARK_READ: Policy(
        Who.ANYONE, Scope.PUBLIC, "read the directory of parks", "查看园区名录"
    ),
    Action.PARK_MEMBER_READ: Policy(
        Who.MEMBER, Scope.PUBLIC, "list the organisations of a park", "查看园区成员组织"
    ),
    Action.PARK_MEMBER_ADMIT: Policy(
        PARK_OPERATING,
        Scope.OWN,
        "admit an organisation to an own park",
        "准许组织加入所运营的园区",
    ),
    Action.PARK_MEMBER_REMOVE: Policy(
        PARK_OPERATING,
        Scope.OWN,
        "remove an organisation from an own park, or leave a park",
        "将组织移出所运营的园区，或退出园区",
    ),
    Action.SPACE_CREATE: Policy(
        OWNING, Scope.OWN, "open a chain space and lead it", "创建并牵头产业链空间"
    ),
    Action.SPACE_READ: Policy(
        Who.MEMBER,
        Scope.OWN,
        "read the chain spaces the organisation leads or is in",
        "查看本组织牵头或加入的产业链空间",
    ),
    Action.SPACE_MEMBER_READ: Policy(
        Who.MEMBER,
        Scope.OWN,
        "list the organisations of an own chain space",
        "查看所在产业链空间的成员组织",
    ),
    Action.SPACE_MEMBER_ADD: Policy(
        OWNING,
        Scope.OWN,
        "add an organisation to a chain space one leads",
        "将组织加入所牵头的产业链空间",
    ),
    Action.SPACE_MEMBER_REMOVE: Policy(
        OWNING,
        Scope.OWN,
        "remove an organisation from a chain space one leads, or leave a chain space",
        "将组织移出所牵头的产业链空间，或退出产业链空间",
    ),
}
