"""Rounds (集中撮合): demands pooled in a window, matched together, and held for who won."""
