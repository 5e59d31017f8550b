"""Commands of ``nonagon`` that work through the public API of a running platform."""
