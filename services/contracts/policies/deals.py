"""Requests for quotation, orders, disputes and scores."""

from typing import Final

from services.contracts.access import Role
from services.contracts.actions import Action
from services.contracts.policies.deciding import Policies, Policy, Scope, Who
from services.contracts.policies.roles import BUYING, SELLING, TRADING

POLICIES: Final[Policies] = {
    Action.DEAL_WRITE: Policy(
        BUYING,
        Scope.OWN,
        "ask for quotes, and revise or withdraw an own request",
        "发起询价，修订或撤回自有询价",
    ),
    Action.DEAL_READ: Policy(
        TRADING,
        Scope.VISIBLE,
        "read requests for quotation: own, open, or those one is invited to",
        "查看询价：自有、公开或受邀的",
    ),
    Action.DEAL_TEMPLATE_READ: Policy(
        Who.ANYONE, Scope.PUBLIC, "read schedules of payment that quotes may name", "查看付款模板"
    ),
    Action.DEAL_TALK: Policy(
        TRADING, Scope.VISIBLE, "ask and answer about a request", "就询价提问与答复"
    ),
    Action.QUOTE_GIVE: Policy(
        SELLING,
        Scope.VISIBLE,
        "take part in a request, quote for it or decline",
        "参与询价、报价或放弃报价",
    ),
    Action.QUOTE_READ: Policy(
        TRADING, Scope.OWN, "read quotes one gave or received", "查看本组织提交或收到的报价"
    ),
    Action.QUOTE_COMPARE: Policy(
        BUYING, Scope.OWN, "compare the quotes for an own request", "比较自有询价的报价"
    ),
    Action.QUOTE_TAKE_BACK: Policy(SELLING, Scope.OWN, "take an own quote back", "撤回自有报价"),
    Action.QUOTE_CHOOSE: Policy(
        BUYING,
        Scope.OWN,
        "shortlist a quote, hold its slots, award it",
        "将报价列入候选、预占其时段并授标",
    ),
    Action.ORDER_READ: Policy(
        TRADING, Scope.OWN, "read orders as buyer or supplier", "以买方或供应商查看订单"
    ),
    Action.ORDER_PAY: Policy(
        BUYING,
        Scope.OWN,
        "fund the escrow of an order and release milestones",
        "为订单托管付款并放行里程碑款项",
    ),
    Action.ORDER_WORK: Policy(
        SELLING, Scope.OWN, "start an order and record deliveries", "开工订单并登记交付"
    ),
    Action.ORDER_INSPECT: Policy(TRADING, Scope.OWN, "file an inspection report", "提交检验报告"),
    Action.ORDER_ACCEPT: Policy(
        BUYING,
        Scope.OWN,
        "accept an order, send it to rework or call it off",
        "验收订单、要求返工或取消订单",
    ),
    Action.SETTLEMENT_PROPOSE: Policy(
        TRADING,
        Scope.OWN,
        "propose how to settle an order early, or agree to it",
        "提出或同意订单的提前结算方案",
    ),
    Action.DISPUTE_OPEN: Policy(
        TRADING, Scope.OWN, "open a dispute over an order", "就订单提出争议"
    ),
    Action.DISPUTE_READ: Policy(
        TRADING | {Role.SYSTEM_ADMIN},
        Scope.OWN,
        "read disputes: the parties their own, the platform's arbiter all",
        "查看争议：当事方查看自有争议，平台仲裁员查看全部",
    ),
    Action.DISPUTE_DECIDE: Policy(
        frozenset({Role.SYSTEM_ADMIN}),
        Scope.PLATFORM,
        "decide a dispute: what goes to the supplier, what back to the buyer",
        "裁决争议：放款与退款金额",
        strong=True,
        person=True,
    ),
    Action.INVOICE_RECORD: Policy(
        SELLING,
        Scope.OWN,
        "record invoices and credit notes for orders one supplies",
        "为所供订单登记发票与红字发票",
    ),
    Action.INVOICE_READ: Policy(
        TRADING, Scope.OWN, "read invoices one gave or received", "查看本组织开具或收到的发票"
    ),
    Action.INVOICE_DECIDE: Policy(
        BUYING, Scope.OWN, "confirm or reject an invoice one received", "确认或拒收收到的发票"
    ),
    Action.SCORE_READ: Policy(
        Who.ANYONE,
        Scope.PUBLIC,
        "read what the record says of an organisation",
        "查看组织的履约评分",
    ),
}
