"""Organisations, their sites and the gateways on them."""
