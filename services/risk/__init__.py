"""Risks of industrial control (工控安全风险): collected, released by two, read by who must know.

Enters: findings of gateways, reports of members, CSV and CSAF files. Leaves: notices delivered to
the organisations they concern, with a clock for each acknowledgement.
"""
