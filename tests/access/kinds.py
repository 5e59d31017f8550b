"""Every kind of thing a path can name, and how to make one for each organisation.

A route whose path has parameters nobody declared here fails the matrix: add its kind to ``KINDS``.
"""

from collections.abc import Mapping
from typing import Final

from tests.access import call_things as call
from tests.access import chain_things as chain
from tests.access import deal_things as deal
from tests.access import finance_things as finance
from tests.access import idea_things as idea
from tests.access import incubation_things as incubation
from tests.access import ledger_things as ledger
from tests.access import library_things as library
from tests.access import market_things as market
from tests.access import park_things as park
from tests.access import production_things as production
from tests.access import programme_things as programme
from tests.access import project_things as project
from tests.access import purchase_things as purchase
from tests.access import risk_things as risk
from tests.access import trust_things as trust
from tests.access.making import Maker, parts

KINDS: Final[Mapping[tuple[str, ...], Maker]] = {
    ("organisation_id",): market.organisations,
    ("site_id",): market.sites,
    ("gateway_id",): market.gateways,
    ("gateway_id", "credential_id"): parts(
        "gateway_id", "credential_id", trust.gateway_credential, "gateways", "gateway_credential"
    ),
    ("gateway_id", "organisation_id"): trust.gateway_members,
    ("resource_id",): market.resources,
    ("offer_id",): market.offers,
    ("demand_id",): market.demands,
    ("draft_id",): market.drafts,
    ("match_id",): market.matches,
    ("round_id",): market.rounds,
    ("round_id", "demand_id"): market.pooled_demands,
    ("call_id",): call.calls,
    ("call_id", "juror_id"): call.jurors,
    ("submission_id",): call.submissions,
    ("paper_id",): call.papers,
    ("review_id",): call.reviews,
    ("appeal_id",): call.appeals,
    ("application_id",): programme.applications,
    ("progress_report_id",): programme.progress_reports,
    ("best_practice_id",): programme.best_practices,
    ("booking_id",): market.bookings,
    ("joint_id",): market.joints,
    ("account_id",): ledger.accounts,
    ("escrow_id",): ledger.escrows,
    ("payment_id",): ledger.payments,
    ("payout_id",): ledger.payouts,
    ("share_rule_id",): ledger.share_rules,
    ("entry_id",): market.wishes,
    ("feed_id",): market.feeds,
    ("token",): market.feed_addresses,
    ("service_account_id",): trust.service_accounts,
    ("service_account_id", "key_id"): parts(
        "service_account_id", "key_id", trust.api_key, "accounts", "api_key"
    ),
    ("session_id",): trust.sessions,
    ("passkey_id",): trust.passkeys,
    ("person_id",): trust.members,
    ("invitation_id",): trust.invitations,
    ("code",): trust.parks,
    ("code", "organisation_id"): trust.community_members("code"),
    ("space_id",): trust.spaces,
    ("space_id", "organisation_id"): trust.community_members("space_id"),
    ("nda_id",): trust.agreements,
    ("document_id",): trust.documents,
    ("notice_id",): risk.notices,
    ("report_id",): risk.reports,
    ("deal_id",): deal.deals,
    ("quote_id",): deal.quotes,
    ("order_id",): deal.orders,
    ("dispute_id",): deal.disputes,
    ("invoice_id",): deal.invoices,
    ("purchase_id",): purchase.purchases,
    ("financing_id",): finance.applications,
    ("consent_id",): finance.consents,
    ("contract_id",): production.contracts,
    ("work_order_id",): production.work_orders,
    ("remote_session_id",): production.sessions,
    ("product_id",): production.products,
    ("product_order_id",): production.product_orders,
    ("sample_id",): production.samples,
    ("handover_id",): production.handovers,
    ("incubation_id",): incubation.programmes,
    ("incubated_team_id",): incubation.teams,
    ("milestone_id",): incubation.milestones,
    ("approval_id",): incubation.approvals,
    ("introduction_id",): incubation.introductions,
    ("box_id",): idea.boxes,
    ("idea_id",): idea.ideas,
    ("item_id",): library.items,
    ("version_id",): library.versions,
    ("licence_id",): library.licences,
    ("access_id", "document_id"): library.files,
    ("project_id",): project.projects,
    ("project_agreement_id",): project.parts(
        "project_agreement_id", "project_agreement", kind="stakes", state="proposed", parts={}
    ),
    ("project_decision_id",): project.parts(
        "project_decision_id",
        "project_decision",
        weighing="heads",
        state="open",
        weights={},
        quorum=0,
        majority=0,
        closes_at=project.DUE,
    ),
    ("plan_item_id",): project.parts(
        "plan_item_id", "project_plan_item", kind="task", state="open", lead_id=None
    ),
    ("file_version_id",): project.files,
    ("gig_id",): project.gigs,
    ("pool_id",): project.pools,
    ("pooled_demand_id",): project.pooled_demands,
    ("space_id", "order_id"): chain.orders_of_spaces,
    ("park_service_id",): park.services,
    ("park_request_id",): park.requests,
    ("tracked_id",): chain.tracked_products,
}
"""In the order they are made: later ones name earlier ones."""
