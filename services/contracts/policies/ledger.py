"""Accounts, escrows, payments, payouts, profit shares, internal bookings."""

from typing import Final

from services.contracts.actions import Action
from services.contracts.policies.deciding import Policies, Policy, Scope, Who
from services.contracts.policies.roles import BUYING, OWNING, TRADING

POLICIES: Final[Policies] = {
    Action.ACCOUNT_READ: Policy(
        TRADING, Scope.OWN, "read own accounts and statements", "查看自有账户与对账单"
    ),
    Action.ESCROW_READ: Policy(
        TRADING, Scope.OWN, "read escrows as payer or payee", "以付款方或收款方查看托管"
    ),
    Action.PAYMENT_REQUEST: Policy(BUYING, Scope.OWN, "pay into an own escrow", "向本方托管付款"),
    Action.PAYMENT_TELL: Policy(
        Who.ANYONE,
        Scope.PUBLIC,
        "tell how a payment ended, signed with the provider's secret",
        "以支付机构密钥签名告知付款结果",
    ),
    Action.PAYMENT_READ: Policy(TRADING, Scope.OWN, "read own payments", "查看自有付款"),
    Action.PAYOUT_REQUEST: Policy(
        OWNING,
        Scope.OWN,
        "have an own balance paid out",
        "将自有余额提现",
        strong=True,
        person=True,
    ),
    Action.PAYOUT_READ: Policy(TRADING, Scope.OWN, "read own payouts", "查看自有提现"),
    Action.SHARE_RULE_CREATE: Policy(
        OWNING, Scope.OWN, "say how own income is shared", "设定自有收入的分成规则"
    ),
    Action.SHARE_RULE_READ: Policy(TRADING, Scope.OWN, "read own share rules", "查看自有分成规则"),
    Action.COST_CENTRE_OPEN: Policy(
        OWNING, Scope.OWN, "open a cost centre or team", "设立成本中心或班组"
    ),
    Action.INTERNAL_BOOK: Policy(
        TRADING,
        Scope.OWN,
        "charge one own cost centre to another",
        "在自有成本中心间内部结算",
    ),
}
