"""The taxonomy as the API shows it."""

from collections.abc import Iterable
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field

from marketplace.taxonomy.domain import CertificateKind, Material, Process
from marketplace.taxonomy.industries import Section
from marketplace.taxonomy.regions import Level, Region


class TermOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    code: str
    name: str
    name_zh: str
    aliases: tuple[str, ...]


class ProcessOut(TermOut):
    din8580: str | None
    gb22124: str | None = Field(description="group in GB/T 22124.1, where known")


class MaterialOut(TermOut):
    gb: tuple[str, ...]
    en: tuple[str, ...]
    uns: tuple[str, ...]


class CertificateOut(TermOut):
    laboratory: bool


class ProcessList(BaseModel):
    items: list[ProcessOut]

    @classmethod
    def of(cls, terms: Iterable[Process]) -> Self:
        return cls(items=_all(ProcessOut, terms))


class MaterialList(BaseModel):
    items: list[MaterialOut]

    @classmethod
    def of(cls, terms: Iterable[Material]) -> Self:
        return cls(items=_all(MaterialOut, terms))


class CertificateList(BaseModel):
    items: list[CertificateOut]

    @classmethod
    def of(cls, terms: Iterable[CertificateKind]) -> Self:
        return cls(items=_all(CertificateOut, terms))


class ToleranceOut(BaseModel):
    grade: str
    nominal_mm: float
    plus_minus_um: int


class RegionOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    code: str
    name_zh: str
    level: Level
    within: tuple[str, ...] = Field(description="what it lies in, outermost first")


class RegionList(BaseModel):
    items: list[RegionOut]

    @classmethod
    def of(cls, regions: Iterable[Region]) -> Self:
        return cls(items=_all(RegionOut, regions))


class SectionOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    code: str
    name: str
    name_zh: str
    first: str = Field(description="first division (大类) of the section")
    last: str


class SectionList(BaseModel):
    items: list[SectionOut]

    @classmethod
    def of(cls, sections: Iterable[Section]) -> Self:
        return cls(items=_all(SectionOut, sections))


class IndustryOut(BaseModel):
    """A code taken apart: 门类, 大类, 中类, 小类."""

    model_config = ConfigDict(from_attributes=True)

    code: str
    section: SectionOut
    division: str | None
    group: str | None
    industry_class: str | None


class FoundOut(BaseModel):
    """Terms of every taxonomy that carry a word, best first in each."""

    processes: list[ProcessOut]
    materials: list[MaterialOut]
    certificates: list[CertificateOut]
    industries: list[SectionOut]
    regions: list[RegionOut]


def _all(model: Any, terms: Iterable[object]) -> list[Any]:
    return [model.model_validate(term) for term in terms]
