"""Regions (行政区划, GB/T 2260): provinces, prefectures and counties that exist today.

Read from the data of ``python-stdnum``, which keeps former names with their years.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, ClassVar, Final

from stdnum import numdb

from services.contracts.errors import DomainError, ErrorKind

_PROVINCE_DIGITS: Final = 2
_NAME: Final = re.compile(r"(?:\[(?P<since>\d*)-(?P<until>\d*)\])?(?P<name>.+)")


class RegionNotFoundError(DomainError):
    code: ClassVar[str] = "region-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = (
        "GB/T 2260 has no region {region!r} today; search /api/v1/taxonomy/regions?q=…."
    )
    zh: ClassVar[str] = (
        "GB/T 2260 中现无行政区划 {region!r}；可在 /api/v1/taxonomy/regions?q=… 查询。"
    )


class Level(StrEnum):
    PROVINCE = "province"
    """省级"""
    PREFECTURE = "prefecture"
    """地级"""
    COUNTY = "county"
    """县级"""


@dataclass(frozen=True, slots=True)
class Region:
    """``code`` has six digits; ``within`` are the names of what it lies in, outermost first."""

    code: str
    name_zh: str
    level: Level
    within: tuple[str, ...] = ()


class Regions:
    """Every region of today by its code."""

    def __init__(self, regions: dict[str, Region]) -> None:
        self._regions = regions

    def __len__(self) -> int:
        return len(self._regions)

    def find(self, code: str) -> Region:
        """The region ``code``.

        Raises:
            RegionNotFoundError: there is none today.
        """
        if code not in self._regions:
            raise RegionNotFoundError(region=code)
        return self._regions[code]

    def provinces(self) -> list[Region]:
        return [one for one in self._regions.values() if one.level is Level.PROVINCE]

    def search(self, text: str, *, limit: int) -> list[Region]:
        """Regions whose code begins with ``text`` or whose name has it in it; wider ones first."""
        wanted = text.strip()
        found = [
            one
            for one in self._regions.values()
            if wanted and (one.code.startswith(wanted) or wanted in one.name_zh)
        ]
        levels = list(Level)
        found.sort(key=lambda one: (not one.name_zh.startswith(wanted), levels.index(one.level)))
        return found[:limit]


@cache
def load_regions() -> Regions:
    """The regions of the installed ``python-stdnum``."""
    names = dict(_names(numdb.get("cn/loc").prefixes))
    return Regions({code: _region(code, name, names) for code, name in sorted(names.items())})


def _names(prefixes: list[Any]) -> Iterator[tuple[str, str]]:
    for length, low, _, _, counties in prefixes:
        if length == _PROVINCE_DIGITS:
            for _, rest, _, facts, _ in counties:
                name = _name_today(facts.get("county", ""))
                if name is not None:
                    yield f"{low}{rest}", name


def _name_today(told: str) -> str | None:
    """Of ``[-1991]东郊区,[1992-]东丽区`` the name without an end."""
    for one in told.split(","):
        named = _NAME.fullmatch(one)
        if named is not None and not named["until"]:
            return named["name"]
    return None


def _region(code: str, name: str, names: dict[str, str]) -> Region:
    province, prefecture = f"{code[:2]}0000", f"{code[:4]}00"
    if code == province:
        return Region(code, name, Level.PROVINCE)
    above = [names[one] for one in (province, prefecture) if one in names and one != code]
    level = Level.PREFECTURE if code == prefecture else Level.COUNTY
    return Region(code, name, level, tuple(above))
