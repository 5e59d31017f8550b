"""Calls: opening and running them, submitting, judging, objecting."""

from typing import Final

from services.contracts.actions import Action
from services.contracts.policies.deciding import Policies, Policy, Scope, Who
from services.contracts.policies.roles import CALLING, JUDGING, TRADING

POLICIES: Final[Policies] = {
    Action.CALL_OPEN: Policy(CALLING, Scope.OWN, "open a call", "发起征集"),
    Action.CALL_READ: Policy(Who.MEMBER, Scope.VISIBLE, "read calls", "查看征集"),
    Action.CALL_MANAGE: Policy(
        CALLING, Scope.OWN, "appoint the jury of an own call and run it", "组建评审并管理自有征集"
    ),
    Action.CALL_AWARDS_READ: Policy(
        Who.MEMBER, Scope.VISIBLE, "read public notices and awards", "查看公示与授予结果"
    ),
    Action.SUBMISSION_MAKE: Policy(
        TRADING, Scope.VISIBLE, "submit to a call one sees", "向可见征集提交材料"
    ),
    Action.SUBMISSION_READ: Policy(TRADING, Scope.OWN, "read own submissions", "查看自有提交"),
    Action.SUBMISSION_CHANGE: Policy(
        TRADING, Scope.OWN, "edit, submit and withdraw own submissions", "修改、提交和撤回自有材料"
    ),
    Action.PAPER_READ: Policy(
        CALLING, Scope.OWN, "read what was submitted to own calls", "查看自有征集收到的材料"
    ),
    Action.PAPER_SCREEN: Policy(
        CALLING, Scope.OWN, "screen what was submitted to own calls", "对自有征集进行形式审查"
    ),
    Action.REVIEW_READ: Policy(
        JUDGING, Scope.SELF, "read what one is asked to judge", "查看分配给本人的评审"
    ),
    Action.REVIEW_WRITE: Policy(
        JUDGING, Scope.SELF, "score a paper or declare a conflict of interest", "评分或声明利益冲突"
    ),
    Action.APPEAL_MAKE: Policy(
        TRADING, Scope.VISIBLE, "object to a proposed award", "对公示结果提出异议"
    ),
    Action.APPEAL_READ: Policy(
        TRADING | CALLING,
        Scope.OWN,
        "read own appeals and those to own calls",
        "查看自己提出或需处理的异议",
    ),
    Action.APPEAL_DECIDE: Policy(
        CALLING, Scope.OWN, "decide appeals to own calls", "处理针对自有征集的异议"
    ),
}
