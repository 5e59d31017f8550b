"""Sets of roles that several policies name."""

from typing import Final

from services.contracts.access import Role

OWNING: Final = frozenset({Role.OWNER})
PARK_OPERATING: Final = frozenset({Role.OWNER, Role.PARK_OPERATOR})
CLEARING: Final = frozenset({Role.OWNER, Role.PARK_OPERATOR, Role.SYSTEM_ADMIN})
SELLING: Final = frozenset({Role.OWNER, Role.SELLER})
BUYING: Final = frozenset({Role.OWNER, Role.BUYER})
TRADING: Final = frozenset({Role.OWNER, Role.BUYER, Role.SELLER})
CALLING: Final = frozenset({Role.OWNER, Role.PARK_OPERATOR, Role.PROGRAMME_OFFICER})
JUDGING: Final = frozenset({Role.EXPERT})
WARNING: Final = frozenset(
    {Role.OWNER, Role.PARK_OPERATOR, Role.PROGRAMME_OFFICER, Role.SECURITY_ADMIN}
)
RELEASING: Final = frozenset({Role.PROGRAMME_OFFICER, Role.SECURITY_ADMIN})
