"""Matcher door: keeps its shard of the market in memory and answers questions over the bus.

Enters: events, what the record says of the things they name, questions. Leaves: answers. It writes
nothing but its lease.
"""
