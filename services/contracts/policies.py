"""The one registry of what may be done by whom. Every route declares one action of it.

``docs/access.md`` is generated from here; tests probe every cell of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from services.contracts.access import Principal, PrincipalKind, Role
from services.contracts.actions import Action

__all__ = ["BECOMING_KNOWN", "POLICIES", "Action", "Decision", "Policy", "Scope", "Who", "decide"]


class Who(StrEnum):
    """Callers that are no set of roles."""

    ANYONE = "anyone"
    SIGNED_IN = "signed_in"
    MEMBER = "member"
    """Signed in and acting for an organisation, in any role."""


class Scope(StrEnum):
    """Which things an action reaches; anything else answers as if it did not exist."""

    PUBLIC = "public"
    VISIBLE = "visible"
    """What its visibility shows the caller: private, organisation, space, park, NDA, public."""
    OWN = "own"
    """Things of the organisation the caller acts for, or parties to."""
    SELF = "self"
    """The caller's own account and credentials."""
    PLATFORM = "platform"
    """Everybody's, for the platform's administrators."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Who may do an action, and to which things.

    ``strong`` asks for a proven second factor, ``person`` for no program. ``en`` and ``zh`` say
    it to a person.
    """

    who: Who | frozenset[Role]
    scope: Scope
    en: str
    zh: str
    strong: bool = False
    person: bool = False


class Decision(StrEnum):
    ALLOWED = "allowed"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    SECOND_FACTOR_REQUIRED = "second-factor-required"


def decide(policy: Policy, principal: Principal) -> Decision:
    """Whether ``principal`` may do what ``policy`` governs, before any thing is looked at."""
    if policy.who is Who.ANYONE:
        return Decision.ALLOWED
    if principal.is_anonymous:
        return Decision.UNAUTHENTICATED
    if policy.who is Who.SIGNED_IN:
        allowed = True
    elif policy.who is Who.MEMBER:
        allowed = principal.organisation_id is not None
    else:
        allowed = principal.organisation_id is not None and not policy.who.isdisjoint(
            principal.roles
        )
    if policy.person and principal.kind is not PrincipalKind.PERSON:
        allowed = False
    if not allowed:
        return Decision.FORBIDDEN
    if policy.strong and not principal.strong:
        return Decision.SECOND_FACTOR_REQUIRED
    return Decision.ALLOWED


_OWNING: Final = frozenset({Role.OWNER})
_PARK_OPERATING: Final = frozenset({Role.OWNER, Role.PARK_OPERATOR})
_CLEARING: Final = frozenset({Role.OWNER, Role.PARK_OPERATOR, Role.SYSTEM_ADMIN})
_SELLING: Final = frozenset({Role.OWNER, Role.SELLER})
_BUYING: Final = frozenset({Role.OWNER, Role.BUYER})
_TRADING: Final = frozenset({Role.OWNER, Role.BUYER, Role.SELLER})
_WARNING: Final = frozenset(
    {Role.OWNER, Role.PARK_OPERATOR, Role.PROGRAMME_OFFICER, Role.SECURITY_ADMIN}
)
_RELEASING: Final = frozenset({Role.PROGRAMME_OFFICER, Role.SECURITY_ADMIN})

POLICIES: Final[Mapping[Action, Policy]] = {
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
        _OWNING,
        Scope.OWN,
        "change the organisation's names or credit code",
        "更改组织名称或统一社会信用代码",
    ),
    Action.VERIFICATION_REQUEST: Policy(
        _OWNING,
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
    Action.MEMBER_READ: Policy(
        _OWNING, Scope.OWN, "list members and their roles", "查看成员与角色"
    ),
    Action.MEMBER_CHANGE: Policy(
        _OWNING, Scope.OWN, "change a member's roles", "更改成员的角色", person=True
    ),
    Action.MEMBER_REMOVE: Policy(_OWNING, Scope.OWN, "remove a member", "移除成员", person=True),
    Action.MEMBER_LEAVE: Policy(
        Who.MEMBER,
        Scope.SELF,
        "leave the organisation you act for",
        "退出当前所代表的组织",
        person=True,
    ),
    Action.INVITATION_CREATE: Policy(
        _OWNING, Scope.OWN, "invite a person to the organisation", "邀请个人加入组织", person=True
    ),
    Action.INVITATION_READ: Policy(_OWNING, Scope.OWN, "list invitations", "查看邀请"),
    Action.INVITATION_REVOKE: Policy(
        _OWNING, Scope.OWN, "revoke an invitation", "撤销邀请", person=True
    ),
    Action.INVITATION_ACCEPT: Policy(
        Who.SIGNED_IN,
        Scope.SELF,
        "accept an invitation sent to you",
        "接受发给自己的邀请",
        person=True,
    ),
    Action.SERVICE_ACCOUNT_CREATE: Policy(
        _OWNING,
        Scope.OWN,
        "make a service account for a program",
        "为程序创建服务账号",
        person=True,
    ),
    Action.SERVICE_ACCOUNT_READ: Policy(
        _OWNING, Scope.OWN, "read service accounts", "查看服务账号"
    ),
    Action.SERVICE_ACCOUNT_DELETE: Policy(
        _OWNING,
        Scope.OWN,
        "delete a service account and its keys",
        "删除服务账号及其密钥",
        person=True,
    ),
    Action.PARK_CREATE: Policy(
        _PARK_OPERATING,
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
        _PARK_OPERATING,
        Scope.OWN,
        "admit an organisation to an own park",
        "准许组织加入所运营的园区",
    ),
    Action.PARK_MEMBER_REMOVE: Policy(
        _PARK_OPERATING,
        Scope.OWN,
        "remove an organisation from an own park, or leave a park",
        "将组织移出所运营的园区，或退出园区",
    ),
    Action.SPACE_CREATE: Policy(
        _OWNING, Scope.OWN, "open a chain space and lead it", "创建并牵头产业链空间"
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
        _OWNING,
        Scope.OWN,
        "add an organisation to a chain space one leads",
        "将组织加入所牵头的产业链空间",
    ),
    Action.SPACE_MEMBER_REMOVE: Policy(
        _OWNING,
        Scope.OWN,
        "remove an organisation from a chain space one leads, or leave a chain space",
        "将组织移出所牵头的产业链空间，或退出产业链空间",
    ),
    Action.SITE_CREATE: Policy(_SELLING, Scope.OWN, "register a site", "登记场所"),
    Action.SITE_READ: Policy(Who.ANYONE, Scope.VISIBLE, "read sites", "查看场所"),
    Action.GATEWAY_CREATE: Policy(_SELLING, Scope.OWN, "register a gateway", "登记网关"),
    Action.GATEWAY_READ: Policy(_SELLING, Scope.OWN, "read gateways", "查看网关"),
    Action.GATEWAY_ENROL: Policy(
        _SELLING, Scope.OWN, "make an enrolment code for a gateway", "为网关生成注册码"
    ),
    Action.GATEWAY_CREDENTIAL_READ: Policy(
        _SELLING, Scope.OWN, "read which credentials a gateway has", "查看网关的凭证"
    ),
    Action.GATEWAY_CREDENTIAL_REVOKE: Policy(
        _SELLING, Scope.OWN, "revoke a gateway's credential", "撤销网关的凭证"
    ),
    Action.ENROLMENT_REDEEM: Policy(
        Who.ANYONE, Scope.SELF, "exchange an enrolment code for a credential", "用注册码换取凭证"
    ),
    Action.GATEWAY_SHARE: Policy(
        _SELLING,
        Scope.OWN,
        "let own gateways serve others' machines",
        "让自有网关服务其他组织的设备",
    ),
    Action.RESOURCE_REGISTER: Policy(_SELLING, Scope.OWN, "register a resource", "登记资源"),
    Action.RESOURCE_READ: Policy(Who.ANYONE, Scope.VISIBLE, "read resources", "查看资源"),
    Action.RESOURCE_CHANGE: Policy(
        _SELLING,
        Scope.OWN,
        "change a resource's calendar, companions, twin or maintenance",
        "更改资源的日历、联合占用、孪生或维护",
    ),
    Action.CAPACITY_READ: Policy(
        Who.ANYONE, Scope.VISIBLE, "read state, free time and withdrawals", "查看状态、空闲与撤回"
    ),
    Action.QUARANTINE_READ: Policy(
        _SELLING | {Role.SYSTEM_ADMIN},
        Scope.OWN,
        "read messages of own gateways that were not understood",
        "查看自有网关无法解析的消息",
    ),
    Action.TAXONOMY_READ: Policy(Who.ANYONE, Scope.PUBLIC, "read the taxonomies", "查看分类"),
    Action.OFFER_PUBLISH: Policy(_SELLING, Scope.OWN, "publish an offer", "发布要约"),
    Action.OFFER_READ: Policy(
        Who.ANYONE, Scope.VISIBLE, "read offers and prices", "查看要约与价格"
    ),
    Action.OFFER_WITHDRAW: Policy(_SELLING, Scope.OWN, "withdraw an offer", "撤回要约"),
    Action.DEMAND_CREATE: Policy(_BUYING, Scope.OWN, "state a demand", "提出需求"),
    Action.DEMAND_READ: Policy(_BUYING, Scope.OWN, "read own demands", "查看自有需求"),
    Action.DEMAND_MATCH: Policy(_BUYING, Scope.OWN, "match a demand", "匹配需求"),
    Action.MATCH_READ: Policy(_BUYING, Scope.OWN, "read own matches", "查看自有匹配"),
    Action.ROUTE_PLAN: Policy(
        _BUYING, Scope.VISIBLE, "route a process chain over visible offers", "为工艺链规划路线"
    ),
    Action.ROUND_OPEN: Policy(
        _CLEARING,
        Scope.OWN,
        "open a round for an own park or a chain space one leads; the platform's one for everybody",
        "为所运营的园区或所牵头的产业链空间开启撮合轮次；平台可面向全体",
    ),
    Action.ROUND_READ: Policy(
        Who.MEMBER, Scope.VISIBLE, "read rounds and their totals", "查看撮合轮次及其汇总"
    ),
    Action.ROUND_CLOSE: Policy(
        _CLEARING, Scope.OWN, "close a round one opened early", "提前结束本组织开启的撮合轮次"
    ),
    Action.ROUND_JOIN: Policy(
        _BUYING, Scope.VISIBLE, "pool an own demand in a round", "将自有需求加入撮合轮次"
    ),
    Action.ROUND_LEAVE: Policy(
        _BUYING, Scope.OWN, "take an own demand out of an open round", "将自有需求撤出开放的轮次"
    ),
    Action.OUTCOME_READ: Policy(
        _BUYING,
        Scope.VISIBLE,
        "read how own demands came out of a round",
        "查看自有需求在轮次中的结果",
    ),
    Action.BOOKING_HOLD: Policy(
        _BUYING, Scope.VISIBLE, "hold a slot of a visible resource", "预留可见资源的时段"
    ),
    Action.BOOKING_READ: Policy(
        _TRADING, Scope.OWN, "read bookings as buyer or provider", "以买方或提供方查看预订"
    ),
    Action.BOOKING_CONFIRM: Policy(_BUYING, Scope.OWN, "confirm an own hold", "确认自有预留"),
    Action.BOOKING_CANCEL: Policy(
        _TRADING, Scope.OWN, "cancel a booking as buyer or provider", "以买方或提供方取消预订"
    ),
    Action.BOOKING_WORK: Policy(
        _SELLING, Scope.OWN, "start and finish the work of a booking", "开始与完成预订的工作"
    ),
    Action.NDA_PROPOSE: Policy(
        frozenset({Role.OWNER}),
        Scope.OWN,
        "propose a confidentiality agreement, signed by the own side",
        "提出并由本方签署保密协议",
        person=True,
    ),
    Action.NDA_SIGN: Policy(
        frozenset({Role.OWNER}),
        Scope.OWN,
        "sign a confidentiality agreement as a party to it",
        "以当事方身份签署保密协议",
        person=True,
    ),
    Action.NDA_REVOKE: Policy(
        frozenset({Role.OWNER}),
        Scope.OWN,
        "end a confidentiality agreement as a party to it",
        "以当事方身份终止保密协议",
    ),
    Action.NDA_READ: Policy(
        Who.MEMBER, Scope.OWN, "read own confidentiality agreements", "查看自有保密协议"
    ),
    Action.DOCUMENT_UPLOAD: Policy(Who.MEMBER, Scope.OWN, "upload a document", "上传文档"),
    Action.DOCUMENT_READ: Policy(
        Who.MEMBER,
        Scope.VISIBLE,
        "read documents: own, public, or under a confidentiality agreement",
        "查看文档：自有、公开或保密协议范围内的",
    ),
    Action.DOCUMENT_DELETE: Policy(_TRADING, Scope.OWN, "delete a document", "删除文档"),
    Action.AUDIT_READ: Policy(
        frozenset({Role.OWNER, Role.AUDIT_ADMIN}),
        Scope.OWN,
        "read the audit trail: an owner the organisation's, the audit administrator everybody's",
        "查看审计记录：所有者查看本组织的，审计管理员查看全部",
    ),
    Action.RISK_NOTICE_READ: Policy(
        Who.MEMBER,
        Scope.VISIBLE,
        "read risk notices: own ones, and those released to the organisation or the person",
        "查看风险通报：本组织的，以及发布给本组织或本人的",
    ),
    Action.RISK_NOTICE_WRITE: Policy(
        _WARNING, Scope.OWN, "write risk notices of the organisation", "起草本组织的风险通报"
    ),
    Action.RISK_NOTICE_SUBMIT: Policy(
        _WARNING,
        Scope.OWN,
        "submit an own risk notice for release",
        "提交风险通报待发布",
        person=True,
    ),
    Action.RISK_NOTICE_APPROVE: Policy(
        _RELEASING,
        Scope.PLATFORM,
        "approve or send back a risk notice: an authority's officer its own, others the platform",
        "批准或退回风险通报：主管部门的项目主管限本部门，其余由平台办理",
        strong=True,
        person=True,
    ),
    Action.RISK_NOTICE_RELEASE: Policy(
        _RELEASING,
        Scope.PLATFORM,
        "release an approved risk notice, as another person than its authors and who approved it",
        "发布已批准的风险通报（须非起草者与批准者）",
        strong=True,
        person=True,
    ),
    Action.RISK_NOTICE_WITHDRAW: Policy(
        _WARNING,
        Scope.OWN,
        "withdraw a risk notice; a released one only who may release",
        "撤回风险通报；已发布的须由有权发布者撤回",
        strong=True,
        person=True,
    ),
    Action.RISK_NOTICE_ACKNOWLEDGE: Policy(
        Who.MEMBER,
        Scope.OWN,
        "acknowledge a risk notice delivered to the organisation",
        "确认送达本组织的风险通报",
        person=True,
    ),
    Action.RISK_DELIVERY_READ: Policy(
        _WARNING,
        Scope.OWN,
        "read who received and acknowledged an own risk notice",
        "查看本组织风险通报的送达与确认情况",
    ),
    Action.RISK_FINDING_REPORT: Policy(
        _SELLING, Scope.OWN, "report what own gateways found", "上报自有网关的发现"
    ),
    Action.RISK_FINDING_READ: Policy(
        _SELLING | {Role.PARK_OPERATOR, Role.SECURITY_ADMIN},
        Scope.OWN,
        "read findings of own gateways, or of those in an operated park",
        "查看自有网关或所运营园区内网关的发现",
    ),
    Action.RISK_REPORT_FILE: Policy(
        Who.MEMBER,
        Scope.SELF,
        "report a risk to the security administrators",
        "向安全管理员报告风险",
    ),
    Action.RISK_REPORT_READ: Policy(
        Who.MEMBER,
        Scope.SELF,
        "read what became of your risk reports",
        "查看自己风险报告的处理情况",
    ),
    Action.RISK_REPORT_DECIDE: Policy(
        frozenset({Role.SECURITY_ADMIN}),
        Scope.PLATFORM,
        "decide on risk reports",
        "处理风险报告",
        strong=True,
        person=True,
    ),
    Action.RISK_FILE_IMPORT: Policy(
        _WARNING, Scope.OWN, "import files of risk notices as drafts", "导入风险通报文件为草稿"
    ),
    Action.SEARCH: Policy(Who.ANYONE, Scope.PUBLIC, "search public offers", "搜索公开要约"),
    Action.STREAM_READ: Policy(
        Who.ANYONE, Scope.VISIBLE, "follow live events of what is visible", "跟踪可见内容的实时事件"
    ),
    Action.SIGN_UP: Policy(Who.ANYONE, Scope.SELF, "sign up", "注册账号"),
    Action.SIGN_IN: Policy(Who.ANYONE, Scope.SELF, "sign in", "登录"),
    Action.SESSION_READ: Policy(
        Who.SIGNED_IN, Scope.SELF, "read who you are signed in as", "查看当前登录身份"
    ),
    Action.SESSION_LIST: Policy(
        Who.SIGNED_IN, Scope.SELF, "list your sessions", "查看自己的会话", person=True
    ),
    Action.SESSION_CHANGE: Policy(
        Who.SIGNED_IN,
        Scope.SELF,
        "end your sessions, or act for another of your organisations",
        "结束自己的会话，或切换所代表的组织",
        person=True,
    ),
    Action.PASSWORD_CHANGE: Policy(
        Who.SIGNED_IN, Scope.SELF, "change your password", "更改自己的密码", person=True
    ),
    Action.PASSWORD_RESET: Policy(
        Who.ANYONE, Scope.SELF, "reset a password by a code", "凭重置码重置密码"
    ),
    Action.FACTOR_READ: Policy(
        Who.SIGNED_IN, Scope.SELF, "read your second factors", "查看自己的第二因素", person=True
    ),
    Action.FACTOR_ADD: Policy(
        Who.SIGNED_IN, Scope.SELF, "add a second factor", "添加第二因素", person=True
    ),
    Action.FACTOR_REMOVE: Policy(
        Who.SIGNED_IN,
        Scope.SELF,
        "remove a second factor or renew recovery codes",
        "移除第二因素或更换恢复码",
        strong=True,
        person=True,
    ),
    Action.API_KEY_CREATE: Policy(
        frozenset({Role.OWNER}),
        Scope.OWN,
        "make an API key of a service account",
        "为服务账号生成 API 密钥",
        person=True,
    ),
    Action.API_KEY_READ: Policy(
        frozenset({Role.OWNER}), Scope.OWN, "list API keys, without their text", "查看 API 密钥列表"
    ),
    Action.API_KEY_REVOKE: Policy(
        frozenset({Role.OWNER}), Scope.OWN, "revoke an API key", "撤销 API 密钥"
    ),
}
BECOMING_KNOWN: Final = frozenset({Action.SIGN_UP, Action.SIGN_IN, Action.PASSWORD_RESET})
"""Whoever does these is nobody yet: a token that came along, good or not, is not looked at."""
