"""Searching, listening and signing in."""

from typing import Final

from services.contracts.access import Role
from services.contracts.actions import Action
from services.contracts.policies.deciding import Policies, Policy, Scope, Who

POLICIES: Final[Policies] = {
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
