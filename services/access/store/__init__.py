"""The only SQL of access."""
