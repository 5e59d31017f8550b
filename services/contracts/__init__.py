"""Pure shared language: ids, intervals, money, errors, documents, events, telemetry.

All that edge may import.
"""
