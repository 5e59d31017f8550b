"""Pooled purchasing (集采): one list, many firms' quantities, tiered prices, one order each."""
