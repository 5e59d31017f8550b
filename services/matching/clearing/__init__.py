"""Pooled demands of one window, matched together against the slots on offer."""
