"""Ask for memory ahead of its use: searches jump between rows that no cache holds."""

from services.matching.clearing.lines import ENTRIES_PER_LINE
from services.matching.clearing.problem import Ints
from services.matching.engine.compiled import compiled, prefetch


@compiled
def prefetch_row(values: Ints, first: int) -> None:
    """Fetch the first two cache lines of the row that begins at ``first``, which may be empty."""
    prefetch(values, first)
    prefetch(values, first + ENTRIES_PER_LINE)
