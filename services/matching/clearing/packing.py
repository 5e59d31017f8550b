"""A number and an index in one int64: half the memory to touch, and one comparison orders both.

The index (of a slot or a demand, below ``2**24``) stands in the low bits, the number above it.
Costs are at most ``COST_MAX``, distances of a search at most twice that, so both fit. A right shift
keeps the sign.
"""

from typing import Final

INDEX_BITS: Final = 24
INDEX_MASK: Final = (1 << INDEX_BITS) - 1
