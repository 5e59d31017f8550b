"""Words that betray whose secret an answer shows, put into every private field of the world."""

import io
import re
import zipfile
from collections.abc import Iterator
from enum import StrEnum
from uuid import UUID


class Owner(StrEnum):
    """Whose a thing is, seen from the callers, who are all of one organisation."""

    OWN = "own"
    NEIGHBOUR = "neighbour"
    """Another organisation of the same park, which leads a chain space with the callers' in it."""
    STRANGER = "stranger"


class Shown(StrEnum):
    """To whom its owner shows a thing; the values of the columns ``visibility``."""

    PRIVATE = "private"
    ORGANISATION = "organisation"
    PARK = "park"
    SPACE = "space"
    NDA = "nda"
    PUBLIC = "public"


_OWNERS = {owner: owner[0] for owner in Owner}
_SHOWN = {shown: shown[:3] for shown in Shown}
_MARKER = re.compile(
    rb"zq(%s)(%s)" % ("|".join(_OWNERS.values()).encode(), "|".join(_SHOWN.values()).encode())
)
_UUID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
_OWNER_OF = {code: owner for owner, code in _OWNERS.items()}
_SHOWN_OF = {code: shown for shown, code in _SHOWN.items()}
_AMOUNT = re.compile(rb"(?<![0-9])77[1-3][1-6][0-9]{5}(?![0-9])")


def marker(owner: Owner, shown: Shown) -> str:
    """E.g. ``zqnpri``: lower-case, so that every column takes it."""
    return f"zq{_OWNERS[owner]}{_SHOWN[shown]}"


def amount(owner: Owner, shown: Shown) -> int:
    """An amount of money that nobody else asks, nor is the difference of two such."""
    owner_place, shown_place = list(Owner).index(owner) + 1, list(Shown).index(shown) + 1
    scattered = (31 * owner_place + 17 * shown_place) ** 3 % 100_000
    return int(f"77{owner_place}{shown_place}{scattered:05}")


_SECRET_AMOUNTS = {amount(owner, shown): (owner, shown) for owner in Owner for shown in Shown}


class Sightings:
    """What an answer shows of whom; things are also known by their ids."""

    def __init__(self) -> None:
        self._ids: dict[str, tuple[Owner, Shown]] = {}

    def know(self, thing_id: UUID | str, owner: Owner, shown: Shown) -> None:
        self._ids[str(thing_id)] = (owner, shown)

    def of(self, body: bytes, *, said: str = "") -> set[tuple[Owner, Shown]]:
        """Owners and classes that ``body`` betrays; ids the request ``said`` itself do not."""
        return {found for part in _parts(body) for found in self._in(part, said)}

    def _in(self, body: bytes, said: str) -> Iterator[tuple[Owner, Shown]]:
        for found in _MARKER.finditer(body):
            owner, shown = (group.decode() for group in found.groups())
            yield _OWNER_OF[owner], _SHOWN_OF[shown]
        for found in _AMOUNT.finditer(body):
            if (secret := _SECRET_AMOUNTS.get(int(found.group()))) is not None:
                yield secret
        for found in _UUID.finditer(body):
            thing_id = found.group().decode()
            if thing_id in self._ids and thing_id not in said:
                yield self._ids[thing_id]


def _parts(body: bytes) -> Iterator[bytes]:
    """The body itself, or what a workbook's archive holds."""
    if not body.startswith(b"PK\x03\x04"):
        yield body
        return
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        for name in archive.namelist():
            yield archive.read(name)
