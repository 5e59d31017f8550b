"""HTTP of deals, one module per part of their life."""

from marketplace.deals.routes import disputes, invoices, orders, quotes, requests, templates

ROUTERS = (
    templates.router,
    requests.router,
    quotes.router,
    orders.router,
    disputes.router,
    invoices.router,
)
