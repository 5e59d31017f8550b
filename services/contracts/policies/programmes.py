"""Selection programmes: reading their rules, running one, applying, recommending."""

from typing import Final

from services.contracts.actions import Action
from services.contracts.policies.deciding import Policies, Policy, Scope, Who
from services.contracts.policies.roles import CALLING, OWNING, TRADING

POLICIES: Final[Policies] = {
    Action.PROGRAMME_READ: Policy(
        Who.ANYONE, Scope.PUBLIC, "read the rules and forms of programmes", "查看项目规则与申报书"
    ),
    Action.PROGRAMME_RUN: Policy(
        CALLING,
        Scope.OWN,
        "select by a programme's rules in an own call",
        "在自有征集中采用项目规则",
    ),
    Action.PROGRAMME_OF_CALL_READ: Policy(
        Who.MEMBER, Scope.VISIBLE, "read which programme a call runs", "查看征集采用的项目规则"
    ),
    Action.APPLICATION_MAKE: Policy(
        TRADING, Scope.VISIBLE, "begin an application to a call one sees", "填写可见征集的申报书"
    ),
    Action.APPLICATION_READ: Policy(
        TRADING | CALLING,
        Scope.OWN,
        "read applications one made, recommends or receives",
        "查看本方申报、推荐或受理的申报书",
    ),
    Action.APPLICATION_CHANGE: Policy(
        TRADING, Scope.OWN, "edit, hand in and enter own applications", "修改、提交和参评自有申报书"
    ),
    Action.PROJECT_RECOMMEND: Policy(
        CALLING, Scope.OWN, "recommend a project within the quota", "在名额内推荐项目"
    ),
    Action.PROGRESS_REPORT_WRITE: Policy(
        TRADING,
        Scope.OWN,
        "hand in progress reports of an own awarded project",
        "提交本组织入选项目的进展报告",
    ),
    Action.PROGRESS_REPORT_REVIEW: Policy(
        CALLING, Scope.OWN, "review progress reports to an own call", "审核自有征集的进展报告"
    ),
    Action.BEST_PRACTICE_PROPOSE: Policy(
        CALLING,
        Scope.OWN,
        "propose a best-practice page about a project an own call awarded",
        "为自有征集的入选项目提议优秀案例页面",
    ),
    Action.BEST_PRACTICE_READ: Policy(
        Who.ANYONE, Scope.VISIBLE, "read best-practice pages", "查看优秀案例页面"
    ),
    Action.BEST_PRACTICE_CONSENT: Policy(
        OWNING,
        Scope.OWN,
        "consent to a page about an own project, or have it taken down",
        "同意发布本组织项目的案例页面，或要求撤下",
        person=True,
    ),
}
