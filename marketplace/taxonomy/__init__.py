"""Processes, materials, certificates and tolerances with stable ids."""
