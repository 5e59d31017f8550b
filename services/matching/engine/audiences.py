"""Who may see what is not public, in numbers."""

from collections import defaultdict
from typing import Final

from services.capacity.domain import Visibility
from services.matching.domain import Listing
from services.matching.engine import layout as at
from services.matching.engine.interface import Viewer

Door = tuple[object, ...]
"""What a viewer has in common with a listing it sees."""
_OWN: Final = "organisation"


class Audiences:
    """One number for all listings that the same viewers see; ``PUBLIC`` for what everybody sees."""

    def __init__(self) -> None:
        self._codes: dict[tuple[Door, ...], int] = {}
        self._behind: defaultdict[Door, list[int]] = defaultdict(list)

    def code(self, listing: Listing) -> int:
        """The number of those who see ``listing``, a new one if need be."""
        if listing.visibility is Visibility.PUBLIC:
            return at.PUBLIC
        doors = _doors(listing)
        known = self._codes.get(doors)
        if known is not None:
            return known
        code = self._codes[doors] = len(self._codes) + 1
        for door in doors:
            self._behind[door].append(code)
        return code

    def of(self, viewer: Viewer) -> list[int]:
        """The numbers ``viewer`` belongs to, ascending."""
        doors: list[Door] = [(_OWN, viewer.organisation_id)]
        doors += [(Visibility.PARK, park) for park in viewer.parks]
        doors += [(Visibility.SPACE, space) for space in viewer.spaces]
        doors += viewer.confided
        return sorted({code for door in doors for code in self._behind.get(door, ())})


def _doors(listing: Listing) -> tuple[Door, ...]:
    own = (_OWN, listing.organisation_id)
    match listing.visibility:
        case Visibility.PRIVATE | Visibility.NDA:
            return ((listing.offer_id, listing.resource_id),)
        case Visibility.PARK:
            return own, (Visibility.PARK, listing.park)
        case Visibility.SPACE:
            return own, (Visibility.SPACE, listing.space_id)
        case _:
            return (own,)
