"""Matchers as processes: what asks and answers, a market kept in memory, shards, the wire."""
