"""Gateways' credentials: enrolment, what a gateway may do on the broker, revocation."""
