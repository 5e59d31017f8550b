"""Ingest door: Sparkplug B in, PostgreSQL, receipts out.

Enters: what edge nodes publish. Leaves: rows through the handlers of ``services.capacity``, and
NCMD receipts and rebirth requests. May import capacity's handlers and domain, runtime, contracts.
"""
