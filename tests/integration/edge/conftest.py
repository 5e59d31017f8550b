"""Fixtures of the agent's integration tests."""

from tests.integration.edge.fixtures import blueprint, blueprint_dir, host, machine

__all__ = ["blueprint", "blueprint_dir", "host", "machine"]
