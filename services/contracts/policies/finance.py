"""Applications for financing, consents and evidence."""

from typing import Final

from services.contracts.actions import Action
from services.contracts.policies.deciding import Policies, Policy, Scope
from services.contracts.policies.roles import OWNING, TRADING

POLICIES: Final[Policies] = {
    Action.FINANCING_ASK: Policy(
        OWNING, Scope.OWN, "ask banks and funds for financing", "向资金方申请融资"
    ),
    Action.FINANCING_READ: Policy(
        TRADING,
        Scope.OWN,
        "read applications for financing one sent or received, and the evidence one may see",
        "查看本组织提交或收到的融资申请及可见的凭据",
    ),
    Action.FINANCING_ANSWER: Policy(
        OWNING,
        Scope.OWN,
        "take up an application one received, offer terms or decline",
        "受理收到的融资申请、给出条件或拒绝",
    ),
    Action.FINANCING_DECIDE: Policy(
        OWNING, Scope.OWN, "accept an offer of financing or withdraw", "接受融资条件或撤回申请"
    ),
    Action.FINANCING_CONSENT: Policy(
        OWNING,
        Scope.OWN,
        "consent to a recipient seeing evidence, or revoke it",
        "授权资金方查看凭据或撤销授权",
        person=True,
    ),
}
