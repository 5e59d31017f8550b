"""The SQL of risk."""
