"""How long to fuzz: briefly with all the other tests, or for as long as ``make fuzz`` takes."""

LONG: list[bool] = []
"""Filled by ``python -m tests.fuzz``."""


def times(brief: int, long: int) -> int:
    return long if LONG else brief
