"""Confidentiality agreements (保密协议): who entrusts what to whom, signed by both sides."""
