"""Incubation: programmes and teams, investors vouched for, introductions."""

from typing import Final

from services.contracts.actions import Action
from services.contracts.policies.deciding import Policies, Policy, Scope, Who
from services.contracts.policies.roles import CALLING, OWNING, TRADING

POLICIES: Final[Policies] = {
    Action.INCUBATION_RUN: Policy(
        CALLING,
        Scope.OWN,
        "run an own cohort call as an incubation programme and form its cohort",
        "以自有批次征集运营孵化计划并组建批次",
    ),
    Action.INCUBATION_READ: Policy(
        Who.MEMBER, Scope.VISIBLE, "read incubation programmes", "查看孵化计划"
    ),
    Action.INCUBATED_TEAM_READ: Policy(
        TRADING | CALLING,
        Scope.OWN,
        "read teams one incubates, is, or is shown as an approved investor",
        "查看本组织孵化的团队、本团队或作为获背书投资人可见的团队",
    ),
    Action.INCUBATED_TEAM_LEAD: Policy(
        CALLING,
        Scope.OWN,
        "plan milestones of teams one incubates, graduate them, note their survival",
        "为在孵团队制定里程碑、办理毕业并记录存续情况",
    ),
    Action.MILESTONE_REPORT: Policy(
        TRADING, Scope.OWN, "report a milestone of the own team", "报告本团队的里程碑"
    ),
    Action.MILESTONE_CONFIRM: Policy(
        CALLING, Scope.OWN, "confirm a milestone of a team one incubates", "确认在孵团队的里程碑"
    ),
    Action.INVESTOR_APPROVE: Policy(
        OWNING,
        Scope.OWN,
        "vouch for an investor, or no more",
        "为投资人背书或撤回背书",
        person=True,
    ),
    Action.INVESTOR_APPROVAL_READ: Policy(
        Who.MEMBER, Scope.PUBLIC, "read who vouches for which investor", "查看投资人背书登记"
    ),
    Action.INTRODUCTION_ASK: Policy(
        OWNING,
        Scope.OWN,
        "ask for an introduction as a team or an investor, or close it",
        "以团队或投资人身份申请对接，或予以关闭",
    ),
    Action.INTRODUCTION_READ: Policy(
        TRADING | CALLING,
        Scope.OWN,
        "read introductions one is party to, or of teams one incubates",
        "查看本方参与的或本组织孵化团队的对接",
    ),
    Action.INTRODUCTION_CONSENT: Policy(
        OWNING,
        Scope.OWN,
        "consent to what an investor is shown of the own team, or revoke it",
        "授权投资人查看本团队的指定内容或撤销授权",
        person=True,
    ),
    Action.INTRODUCTION_SEE: Policy(
        OWNING,
        Scope.OWN,
        "read what an introduction shows: the team's own, or as its investor",
        "查看对接所展示的内容（本团队或其投资人）",
    ),
}
