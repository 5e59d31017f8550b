"""Benchmarks: ours and every peer in one run on the same data; started by ``make bench``."""
