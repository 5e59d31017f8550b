"""Where each number lies in the columns that the compiled engine reads.

``rows`` is one row per listing and capability, ``resources`` one per resource, ``queries`` one per
demand; all are 64-bit integers. Whole rows lie together because verification reads whole rows.
``compact`` repeats of each row what decides about most demands, in one line of the cache; it is
derived from the other columns and never judges differently.
"""

from typing import Final

import numpy as np

from services.capacity.domain import WITHDRAW_HORIZON
from services.matching.engine.interface import MINUTE

WORD: Final = 64
"""Rows of a block, one bit each."""
UNKNOWN: Final = 1 << 62
"""A distance nobody knows, a validity without end, a budget without limit."""
NONE: Final = -1
NEVER: Final = -(1 << 40)
"""The minute of what was never seen."""
DAY_MINUTES: Final = 1_440
WITHDRAWN_MINUTES: Final = WITHDRAW_HORIZON // MINUTE

# rows
(R_RESOURCE, R_LISTING, R_ORDINAL, R_RATE, R_SETUP, R_MINIMUM, R_TOLERANCE, R_SHORT, R_MIDDLE,
 R_LONG, R_CERTIFICATES, R_CERTIFICATE_COUNT, R_RESOURCE_HIGH, R_RESOURCE_LOW, R_OFFER_HIGH,
 R_OFFER_LOW, R_PLACED, R_AUDIENCE, R_SHARED, R_PARK, ROW_FIELDS) = range(21)  # fmt: skip
R_KEY: Final = R_RESOURCE_HIGH
"""The first of the four halves of the ids that break a tie."""
KEY_FIELDS: Final = 4
NOWHERE_PARK: Final = -2
"""A park nothing is in."""
PUBLIC: Final = 0
"""The audience of what everybody sees."""

# compact
COMPACT: Final = np.dtype(
    [
        ("rate", "i4"), ("setup", "i4"), ("minimum", "i4"),
        ("horizon", "i4"), ("first", "i4"), ("gaps", "i4"), ("gap_count", "u2"),
        ("second", "u2"), ("third", "u2"),
        ("first_minutes", "u2"), ("second_minutes", "u2"), ("third_minutes", "u2"),
        ("x", "i2"), ("y", "i2"), ("z", "i2"),
        ("tolerance", "u2"), ("short", "u2"), ("middle", "u2"), ("long", "u2"),
        ("shortest", "u2"), ("notice", "u2"), ("changeover", "u2"), ("lot", "u2"),
        ("audience", "u2"), ("reliability", "u2"), ("flags", "u2"),
    ]
)  # fmt: skip
"""One row: its price, its first three free gaps (the later two in minutes after the first begins)
and where all are, its place on a sphere of ``SPHERE``, what it can do."""
EXACT, MORE_GAPS, DATED, SHARED, WITHDRAWN = (1 << bit for bit in range(5))
"""Flags: does not fit in here, free time beyond the three gaps, certificates that end, several rows
of one listing, out of service."""
WIDE: Final = (1 << 16) - 1
LONG: Final = (1 << 31) - 1
SPHERE: Final = 16_000.0
"""The radius of the Earth in compact rows, whose places are true within half a kilometre."""
NOWHERE: Final = 32_000
"""A coordinate of a compact row far off the sphere."""

# places: int16, of each block of 64 rows the coordinates of all, then what each is reliable by: as
# in compact rows, side by side for who looks at the whole block
BLOCK_X, BLOCK_Y, BLOCK_Z, BLOCK_RELIABILITY, PLACE_PLANES = range(5)

# geo: radians, degrees, cosine; the unit sphere
LATITUDE, LONGITUDE, COSINE, X, Y, Z, GEO_FIELDS = range(7)
# place: geo, and of a query squared chords within which all, beyond which none are in the radius;
# a row has none, so that its place is just one line of the cache
INSIDE, OUTSIDE, PLACE_FIELDS = range(GEO_FIELDS, GEO_FIELDS + 3)

# resources
(S_WITHDRAWN, S_STATE, S_MEASURED, S_NOTICE, S_SHORTEST, S_HORIZON, S_UNITS, S_GAPS, S_GAP_COUNT,
 S_GAP_ROOM, S_LINKS, S_LINK_COUNT, S_SEEN, S_RELIABILITY, S_SETUP, S_LOT,
 RESOURCE_FIELDS) = range(17)  # fmt: skip

# gaps, certificates, links
GAP_START, GAP_END, GAP_UNITS, GAP_FIELDS = range(4)
CERTIFICATE_KEY, CERTIFICATE_DAY, CERTIFICATE_FIELDS = range(3)
LINK_PARTITION, LINK_SLOT, LINK_FIELDS = range(3)

# partitions
P_ROWS, P_WORDS, P_BITS, PARTITION_FIELDS = range(4)

# blocks: the least of 64 rows, and of these and all that follow in the partition
(B_RATE, B_SETUP, B_MINIMUM, B_LATER_RATE, B_LATER_SETUP, B_LATER_MINIMUM,
 BLOCK_FIELDS) = range(7)  # fmt: skip
LEAST_FIELDS: Final = 3

# query
(Q_LIMIT, Q_MINUTES, Q_UNITS, Q_UNIT_MINUTES, Q_START, Q_END, Q_NOW_UP, Q_NOW_DOWN, Q_BUDGET,
 Q_TOLERANCE, Q_SHORT, Q_MIDDLE, Q_LONG, Q_RADIUS_M, Q_MEASURED, Q_PLACED, Q_SEES_ALL, Q_RANKED,
 Q_PER_KM, Q_PER_HOUR, Q_UNRELIABILITY, Q_PER_HOUR_OF_AGE, Q_OUTSIDE_PARK, Q_PARK, Q_QUANTITY,
 Q_PARTITIONS, Q_FOREIGN, Q_ALL, Q_ANY, Q_NOT, Q_CERTIFICATES, Q_AUDIENCES,
 Q_PLACE) = range(33)  # fmt: skip
Q_LISTS: Final = Q_PLACE + PLACE_FIELDS
"""From ``Q_PLACE`` on: the place, its numbers as the bits of float64. From ``Q_LISTS`` on:
partitions, partitions of other currencies, sets that all hold, sets of which one holds, sets that
none holds, keys of certificates, and audiences the viewer belongs to; the fields named alike count
them.
"""

# found
F_COST, F_PRICE, F_ROW, F_START, FOUND_FIELDS = range(5)

# sets every partition has
ALIVE, IN_SERVICE, MEASURED, EMPTY, FIRST_FREE_SET = range(5)
