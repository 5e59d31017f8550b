"""The one registry of what may be done by whom. Every route declares one action of it.

``docs/access.md`` is generated from here; tests probe every cell of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from services.contracts.access import Principal, PrincipalKind, Role


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


class Action(StrEnum):
    """What a route does, as ``resource.verb``."""

    ORGANISATION_CREATE = "organisation.create"
    ORGANISATION_READ = "organisation.read"
    SITE_CREATE = "site.create"
    SITE_READ = "site.read"
    GATEWAY_CREATE = "gateway.create"
    GATEWAY_READ = "gateway.read"
    GATEWAY_SHARE = "gateway.share"
    GATEWAY_ENROL = "gateway.enrol"
    GATEWAY_CREDENTIAL_READ = "gateway_credential.read"
    GATEWAY_CREDENTIAL_REVOKE = "gateway_credential.revoke"
    ENROLMENT_REDEEM = "enrolment.redeem"
    RESOURCE_REGISTER = "resource.register"
    RESOURCE_READ = "resource.read"
    RESOURCE_CHANGE = "resource.change"
    CAPACITY_READ = "capacity.read"
    QUARANTINE_READ = "quarantine.read"
    TAXONOMY_READ = "taxonomy.read"
    OFFER_PUBLISH = "offer.publish"
    OFFER_READ = "offer.read"
    OFFER_WITHDRAW = "offer.withdraw"
    DEMAND_CREATE = "demand.create"
    DEMAND_READ = "demand.read"
    DEMAND_MATCH = "demand.match"
    MATCH_READ = "match.read"
    BOOKING_HOLD = "booking.hold"
    BOOKING_READ = "booking.read"
    BOOKING_CONFIRM = "booking.confirm"
    BOOKING_CANCEL = "booking.cancel"
    BOOKING_WORK = "booking.work"
    SEARCH = "search.read"
    STREAM_READ = "stream.read"
    SIGN_UP = "person.sign_up"
    SIGN_IN = "session.open"
    SESSION_READ = "session.read"
    SESSION_LIST = "session.list"
    SESSION_CHANGE = "session.change"
    PASSWORD_CHANGE = "password.change"  # noqa: S105 - a name, no secret
    PASSWORD_RESET = "password.reset"  # noqa: S105 - a name, no secret
    FACTOR_READ = "second_factor.read"
    FACTOR_ADD = "second_factor.add"
    FACTOR_REMOVE = "second_factor.remove"
    API_KEY_CREATE = "api_key.create"
    API_KEY_READ = "api_key.read"
    API_KEY_REVOKE = "api_key.revoke"


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


_SELLING: Final = frozenset({Role.OWNER, Role.SELLER})
_BUYING: Final = frozenset({Role.OWNER, Role.BUYER})
_TRADING: Final = frozenset({Role.OWNER, Role.BUYER, Role.SELLER})

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
        "change a resource's calendar, twin or maintenance",
        "更改资源的日历、孪生或维护",
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
