"""Where each number lies in the columns that the compiled engine reads.

``rows`` is one row per listing and capability, ``resources`` one per resource, ``query`` one per
demand; all are 64-bit integers. Whole rows lie together because verification reads whole rows.
"""

from typing import Final

from services.capacity.domain import WITHDRAW_HORIZON
from services.matching.engine.interface import MINUTE

WORD: Final = 64
"""Rows of a block, one bit each."""
UNKNOWN: Final = 1 << 62
"""A distance nobody knows, a validity without end, a budget without limit."""
NONE: Final = -1
DAY_MINUTES: Final = 1_440
WITHDRAWN_MINUTES: Final = WITHDRAW_HORIZON // MINUTE

# rows
(R_RESOURCE, R_LISTING, R_ORDINAL, R_RATE, R_SETUP, R_MINIMUM, R_TOLERANCE, R_SHORT, R_MIDDLE,
 R_LONG, R_CERTIFICATES, R_CERTIFICATE_COUNT, R_RESOURCE_HIGH, R_RESOURCE_LOW, R_OFFER_HIGH,
 R_OFFER_LOW, R_PLACED, ROW_FIELDS) = range(18)  # fmt: skip
R_KEY: Final = R_RESOURCE_HIGH
"""The first of the four halves of the ids that break a tie."""
KEY_FIELDS: Final = 4

# geo: radians, degrees, cosine
LATITUDE, LONGITUDE, COSINE, GEO_FIELDS = range(4)

# resources
(S_WITHDRAWN, S_STATE, S_MEASURED, S_NOTICE, S_SHORTEST, S_HORIZON, S_UNITS, S_GAPS, S_GAP_COUNT,
 S_GAP_ROOM, S_LINKS, S_LINK_COUNT, RESOURCE_FIELDS) = range(13)  # fmt: skip

# gaps, certificates, links
GAP_START, GAP_END, GAP_UNITS, GAP_FIELDS = range(4)
CERTIFICATE_KEY, CERTIFICATE_DAY, CERTIFICATE_FIELDS = range(3)
LINK_PARTITION, LINK_SLOT, LINK_FIELDS = range(3)

# partitions
P_ROWS, P_WORDS, P_BITS, PARTITION_FIELDS = range(4)

# blocks: the least of 64 rows
B_RATE, B_SETUP, B_MINIMUM, BLOCK_FIELDS = range(4)

# query
(Q_LIMIT, Q_MINUTES, Q_UNITS, Q_UNIT_MINUTES, Q_START, Q_END, Q_NOW_UP, Q_NOW_DOWN, Q_BUDGET,
 Q_TOLERANCE, Q_SHORT, Q_MIDDLE, Q_LONG, Q_RADIUS_M, Q_MEASURED, Q_PLACED, Q_PARTITIONS,
 Q_FOREIGN, Q_ALL, Q_ANY, Q_NOT, Q_CERTIFICATES, Q_LISTS) = range(23)  # fmt: skip
"""From ``Q_LISTS`` on: partitions, partitions of other currencies, sets that all hold, sets of
which one holds, sets that none holds, and keys of certificates; the fields named alike count them.
"""

# found
F_PRICE, F_DISTANCE, F_START, F_KEY = range(4)
F_LISTING: Final = F_KEY + KEY_FIELDS
F_ORDINAL: Final = F_LISTING + 1
FOUND_FIELDS: Final = F_ORDINAL + 1

# sets every partition has
ALIVE, IN_SERVICE, MEASURED, EMPTY, FIRST_FREE_SET = range(5)
