"""Ledger (账本): double entry, escrow, commission, VAT, profit shares, payments and payouts."""
