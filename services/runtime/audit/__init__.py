"""The audit trail: who did what to which thing, one hash chain per organisation.

Enters: notes of handlers, and every request that may change something. Leaves: entries written in
the request's own transaction, heads anchored outside the database, a verdict on every chain.
"""
