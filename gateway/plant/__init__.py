"""Simulated machines as real OPC UA servers."""
