"""Impure plumbing every process shares: settings, clock, database, bus, outbox."""
