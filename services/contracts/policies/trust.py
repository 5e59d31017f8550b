"""Agreements, documents, the audit trail and risk notices."""

from typing import Final

from services.contracts.access import Role
from services.contracts.actions import Action
from services.contracts.policies.deciding import Policies, Policy, Scope, Who
from services.contracts.policies.roles import RELEASING, SELLING, TRADING, WARNING

POLICIES: Final[Policies] = {
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
    Action.DOCUMENT_DELETE: Policy(TRADING, Scope.OWN, "delete a document", "删除文档"),
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
        WARNING, Scope.OWN, "write risk notices of the organisation", "起草本组织的风险通报"
    ),
    Action.RISK_NOTICE_SUBMIT: Policy(
        WARNING,
        Scope.OWN,
        "submit an own risk notice for release",
        "提交风险通报待发布",
        person=True,
    ),
    Action.RISK_NOTICE_APPROVE: Policy(
        RELEASING,
        Scope.PLATFORM,
        "approve or send back a risk notice: an authority's officer its own, others the platform",
        "批准或退回风险通报：主管部门的项目主管限本部门，其余由平台办理",
        strong=True,
        person=True,
    ),
    Action.RISK_NOTICE_RELEASE: Policy(
        RELEASING,
        Scope.PLATFORM,
        "release an approved risk notice, as another person than its authors and who approved it",
        "发布已批准的风险通报（须非起草者与批准者）",
        strong=True,
        person=True,
    ),
    Action.RISK_NOTICE_WITHDRAW: Policy(
        WARNING,
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
        WARNING,
        Scope.OWN,
        "read who received and acknowledged an own risk notice",
        "查看本组织风险通报的送达与确认情况",
    ),
    Action.RISK_FINDING_REPORT: Policy(
        SELLING, Scope.OWN, "report what own gateways found", "上报自有网关的发现"
    ),
    Action.RISK_FINDING_READ: Policy(
        SELLING | {Role.PARK_OPERATOR, Role.SECURITY_ADMIN},
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
        WARNING, Scope.OWN, "import files of risk notices as drafts", "导入风险通报文件为草稿"
    ),
}
