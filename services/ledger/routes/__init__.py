"""HTTP of the ledger: accounts, escrows, payments, payouts, share rules, internal bookings."""

from typing import Final

from services.ledger.routes import books, callbacks, escrows, payments, shares

ROUTERS: Final = tuple(part.router for part in (books, escrows, payments, callbacks, shares))
