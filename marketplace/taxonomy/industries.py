"""Industries (国民经济行业分类, GB/T 4754-2017): sections, and two to four digits below them."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Final

from services.contracts.errors import DomainError, ErrorKind

INDUSTRY_PATTERN: Final = r"^[A-Z](\d{2,4})?$"


class UnknownIndustryError(DomainError):
    code: ClassVar[str] = "unknown-industry"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = (
        "{industry!r} is no industry of GB/T 4754-2017; give a section A to T, alone or with 2 to 4"
        " digits of it, e.g. C34 or C3421. Sections: GET /api/v1/taxonomy/industries."
    )
    zh: ClassVar[str] = (
        "{industry!r} 不是 GB/T 4754-2017 的行业代码；请给出门类 A 至 T，或门类加其下 2 至 4 位数字"
        "，例如 C34 或 C3421。门类见 GET /api/v1/taxonomy/industries。"
    )


@dataclass(frozen=True, slots=True)
class Section:
    """A section (门类); its divisions (大类) are those from ``first`` to ``last``."""

    code: str
    name: str
    name_zh: str
    first: str
    last: str


@dataclass(frozen=True, slots=True)
class Industry:
    """An industry and what it lies in: 门类, 大类, 中类 and 小类, as far as it says."""

    code: str
    section: Section
    division: str | None = None
    group: str | None = None
    industry_class: str | None = None


class Industries:
    """The sections, in order."""

    def __init__(self, sections: Iterable[Section]) -> None:
        self._sections = {section.code: section for section in sections}

    def __iter__(self) -> Iterator[Section]:
        return iter(self._sections.values())

    def search(self, text: str) -> list[Section]:
        """Sections whose code is ``text`` or whose name has it in it."""
        wanted = text.strip().casefold()
        return [
            one
            for one in self
            if wanted
            and (wanted == one.code.casefold() or wanted in f"{one.name}\n{one.name_zh}".casefold())
        ]

    def read(self, code: str) -> Industry:
        """What ``code`` stands for.

        Raises:
            UnknownIndustryError: it has not the form, or its division is in another section.
        """
        section = self._sections.get(code[:1])
        digits = code[1:]
        if section is None or re.fullmatch(INDUSTRY_PATTERN, code, re.ASCII) is None:
            raise UnknownIndustryError(industry=code)
        if digits and not section.first <= digits[:2] <= section.last:
            raise UnknownIndustryError(industry=code)
        parts = (digits[:length] if len(digits) >= length else None for length in (2, 3, 4))
        return Industry(code, section, *parts)
