"""The only SQL of capacity."""
