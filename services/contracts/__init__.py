"""Pure shared language: ids, intervals, money, errors, events, telemetry.

All that edge may import.
"""
