"""How many probes were asked in this process, and which were answered wrongly."""

EVERY: list[bool] = []
"""Filled when every bad token is to be tried everywhere, and not in turns."""
PROBES: list[int] = []
WRONG: list[str] = []


def count(asked: int, wrong: list[str]) -> None:
    PROBES.append(asked)
    WRONG.extend(wrong)


def line() -> str:
    """The last line of ``make access``."""
    return f"probes={sum(PROBES)} wrong={len(WRONG)}"
