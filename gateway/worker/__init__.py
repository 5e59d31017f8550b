"""Worker door: relays the outbox, runs consumers of events and scheduled jobs.

Enters: outbox rows, messages of the event stream, the clock. Leaves: published events, what the
handlers write. May import every context's handlers and consumers.
"""
