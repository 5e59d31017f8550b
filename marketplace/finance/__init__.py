"""Financing (产融): applications to banks and funds, and evidence shown to them with consent."""
