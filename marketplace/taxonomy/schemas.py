"""The taxonomy as the API shows it."""

from collections.abc import Iterable
from typing import Any, Self

from pydantic import BaseModel, ConfigDict

from marketplace.taxonomy.domain import CertificateKind, Material, Process


class TermOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    code: str
    name: str
    name_zh: str
    aliases: tuple[str, ...]


class ProcessOut(TermOut):
    din8580: str | None


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


def _all(model: Any, terms: Iterable[object]) -> list[Any]:
    return [model.model_validate(term) for term in terms]
