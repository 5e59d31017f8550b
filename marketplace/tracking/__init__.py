"""Tracking of booked work: samples and reports of laboratories, handovers of carriers."""
