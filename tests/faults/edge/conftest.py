"""Fixtures of the agent's fault tests."""

from tests.integration.edge.fixtures import blueprint, blueprint_dir, host, machine

__all__ = ["blueprint", "blueprint_dir", "host", "machine"]
