"""The SQL of the library."""
