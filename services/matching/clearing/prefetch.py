"""Ask for memory ahead of its use: searches jump between rows that no cache holds."""

from services.matching.clearing.lines import ENTRIES_PER_LINE
from services.matching.clearing.problem import Ints
from services.matching.engine.compiled import compiled, prefetch


@compiled
def prefetch_row(values: Ints, first: int, lines: int) -> None:
    """Fetch so many cache lines of the row that begins at ``first``, which may be shorter."""
    for line in range(lines):
        prefetch(values, first + line * ENTRIES_PER_LINE)
