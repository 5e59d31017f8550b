"""Projects, micro-teams and gigs."""

from typing import Final

from services.contracts.actions import Action
from services.contracts.policies.deciding import Policies, Policy, Scope, Who
from services.contracts.policies.roles import OWNING, SELLING, TRADING

POLICIES: Final[Policies] = {
    Action.PROJECT_START: Policy(TRADING, Scope.OWN, "start projects and teams", "发起项目和小微"),
    Action.PROJECT_READ: Policy(Who.MEMBER, Scope.VISIBLE, "see projects", "查看项目"),
    Action.PROJECT_LEAD: Policy(
        OWNING, Scope.OWN, "invite into an own project and close it", "邀请成员并关闭自有项目"
    ),
    Action.PROJECT_JOIN: Policy(
        OWNING, Scope.OWN, "join a project one is invited into", "加入受邀项目"
    ),
    Action.PROJECT_WORK: Policy(
        TRADING,
        Scope.OWN,
        "plan, share files and vote in projects one has joined",
        "在已加入的项目中制定计划、共享文件和表决",
    ),
    Action.PROJECT_AGREE: Policy(
        OWNING,
        Scope.OWN,
        "propose and accept stakes and terms of intellectual property",
        "提出和接受份额与知识产权约定",
        person=True,
    ),
    Action.GIG_PUBLISH: Policy(
        TRADING, Scope.OWN, "publish gigs of own projects", "发布自有项目的零工任务"
    ),
    Action.GIG_READ: Policy(
        Who.MEMBER, Scope.VISIBLE, "see gigs of projects one sees", "查看可见项目的零工任务"
    ),
    Action.GIG_APPLY: Policy(
        TRADING, Scope.VISIBLE, "apply for gigs one sees", "申请可见的零工任务"
    ),
    Action.GIG_MANAGE: Policy(
        OWNING, Scope.OWN, "assign, accept and send back own gigs", "分配、验收或退回自有零工任务"
    ),
    Action.GIG_WORK: Policy(
        TRADING, Scope.OWN, "hand in gigs one was given", "提交所承接的零工任务"
    ),
    Action.POOL_OPEN: Policy(SELLING, Scope.OWN, "open customisation pools", "发起定制拼单"),
    Action.POOL_READ: Policy(Who.MEMBER, Scope.PUBLIC, "see customisation pools", "查看定制拼单"),
    Action.POOL_JOIN: Policy(
        TRADING,
        Scope.PUBLIC,
        "join a customisation pool and see the own demands",
        "加入定制拼单",
    ),
    Action.POOL_ACCEPT: Policy(
        OWNING, Scope.OWN, "accept what was made for a pooled demand", "验收拼单订单"
    ),
    Action.RANKING_READ: Policy(
        Who.MEMBER, Scope.PUBLIC, "see how teams and workers rank", "查看团队和零工排名"
    ),
}
