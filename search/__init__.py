"""Rebuildable search projection behind one port."""
