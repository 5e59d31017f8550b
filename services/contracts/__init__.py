"""Pure shared language: ids, intervals, money, errors, events and telemetry. All that edge may import."""
