"""Outbox relay, event consumers and scheduled jobs."""
