"""The authorisation matrix: nobody reaches what is not theirs."""

import pytest

from tests.access import tally
from tests.access.conftest import Stage
from tests.access.matrix import Asker

SHOWN_MAX = 40
PROBES_MIN = 10_000
REFUSED_BY_THEIR_NATURE = {
    "GET /reviews/{review_id}/scores": "needs a review that is in",
    "GET /session/openid": "no provider is set up",
    "GET /session/openid/callback": "no provider is set up",
    "POST /bookings/{booking_id}/launches": "needs a booking whose time is now",
    "POST /enrolments/redeem": "needs a code",
    "GET /test-report-verification": "needs a report's number and code",
    "POST /bookings/{booking_id}/handovers": "needs a firm booking of transport",
    "POST /offers/{offer_id}/promotions": "one awaits its review already",
    "POST /orders/{order_id}/agreement": "needs money in the escrow",
    "POST /orders/{order_id}/releases": "needs money in the escrow",
    "POST /purchases/{purchase_id}/award": "needs a quote for the very list",
    "POST /products/{product_id}/orders": "needs a route of free slots",
    "POST /gigs/{gig_id}/accept": "needs money in the escrow",
    "POST /gigs/{gig_id}/hand-in": "needs money in the escrow",
    "POST /pooled-demands/{pooled_demand_id}/accept": "needs money in the escrow",
    "POST /projects/{project_id}/invitation": "needs an invitation",
    "POST /quotes/{quote_id}/hold": "needs slots",
    "POST /outside-accounts": "no provider is set up",
    "POST /parks": "needs an organisation that operates parks",
    "POST /payment-callbacks": "needs a provider's signature",
    "POST /invitations/accept": "needs an invitation",
    "POST /passkeys": "needs an authenticator",
    "POST /password/resets": "needs a reset code",
    "POST /second-factors/totp/confirmation": "needs a code of the app",
    "POST /session": "needs a password",
    "POST /session/passkey": "needs an authenticator",
    "POST /session/second-factor": "needs a code of the app",
    "PUT /password": "needs the current password",
}
"""Routes a probe can only be refused by, for reasons other than who asks."""


@pytest.fixture(scope="module")
def asker(stage: Stage) -> Asker:
    return stage.asker()


@pytest.mark.timeout(1_200)
async def test_every_cell_of_the_matrix(stage: Stage, asker: Asker) -> None:
    await asker.run(stage.matrix.probes())
    tally.count(asker.asked, asker.wrong)
    shown = "\n".join(asker.wrong[:SHOWN_MAX])
    assert asker.wrong == [], f"{len(asker.wrong)} of {asker.asked} cells are wrong:\n{shown}"
    assert asker.asked >= PROBES_MIN


def test_what_is_allowed_does_succeed(stage: Stage, asker: Asker) -> None:
    """A matrix of bodies nobody could send would prove nothing."""
    unproven = {
        route.name: sorted(asker.allowed.get(route.name, set()))
        for route in stage.matrix.routes
        if not any(status < 300 for status in asker.allowed.get(route.name, ()))
    }
    assert unproven.keys() - REFUSED_BY_THEIR_NATURE.keys() == set(), unproven
