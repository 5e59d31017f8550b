"""Reads the taxonomy's YAML; a broken entry is named by file and line."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Final, TypeVar

from pydantic import ConfigDict, Field, ValidationError

from marketplace.taxonomy.domain import (
    CertificateKind,
    Material,
    Process,
    Taxonomy,
    parent_of,
)
from marketplace.taxonomy.industries import Section
from marketplace.taxonomy.tolerance import ToleranceTable
from services.contracts.documents import Document
from services.runtime.lined_yaml import LinedDocument, read_lined

DATA: Final = Path(__file__).parent / "data"
CODE_PATTERN: Final = r"^[a-z0-9][a-z0-9-]*(\.[a-z0-9][a-z0-9-]*)*$"


Division = Annotated[str, Field(pattern=r"^\d{2}$")]


class _Entry(Document):
    model_config = ConfigDict(frozen=True)

    code: str = Field(pattern=CODE_PATTERN, max_length=60)
    name: str = Field(min_length=1)
    zh: str = Field(min_length=1)
    aliases: tuple[str, ...] = ()


class _ProcessEntry(_Entry):
    din8580: str | None = Field(default=None, pattern=r"^[1-6](\.\d{1,2}){0,2}$")
    gb22124: str | None = Field(default=None, min_length=1, max_length=20)


class _MaterialEntry(_Entry):
    gb: tuple[str, ...] = ()
    en: tuple[str, ...] = ()
    uns: tuple[str, ...] = ()


class _CertificateEntry(_Entry):
    laboratory: bool = False


class _SectionEntry(Document):
    code: str = Field(pattern=r"^[A-Z]$")
    name: str = Field(min_length=1)
    zh: str = Field(min_length=1)
    divisions: tuple[Division, Division]


class _Iso286(Document):
    up_to_mm: list[float]
    width_um: dict[str, list[float | None]]


class _Iso2768(Document):
    from_mm: float
    up_to_mm: list[float]
    plus_minus_um: dict[str, list[float | None]]


class _Tolerances(Document):
    iso286: _Iso286
    iso2768: _Iso2768


ModelT = TypeVar("ModelT", bound=Document)
EntryT = TypeVar("EntryT", bound=_Entry)
TermT = TypeVar("TermT", Process, Material, CertificateKind)


@cache
def load_taxonomy(folder: Path = DATA) -> Taxonomy:
    """The taxonomy kept in ``folder``.

    Raises:
        BrokenDataError: names the file, the line and what is wrong.
    """
    return Taxonomy(
        processes=_terms(folder / "processes.yaml", _ProcessEntry, _process),
        materials=_terms(folder / "materials.yaml", _MaterialEntry, _material),
        certificates=_terms(folder / "certificates.yaml", _CertificateEntry, _certificate),
        tolerances=_tolerances(folder / "tolerances.yaml"),
        sections=_sections(folder / "industries.yaml"),
    )


def _process(entry: _ProcessEntry) -> Process:
    return Process(entry.code, entry.name, entry.zh, entry.aliases, entry.din8580, entry.gb22124)


def _material(entry: _MaterialEntry) -> Material:
    names = (entry.aliases, entry.gb, entry.en, entry.uns)
    return Material(entry.code, entry.name, entry.zh, *names)


def _certificate(entry: _CertificateEntry) -> CertificateKind:
    return CertificateKind(entry.code, entry.name, entry.zh, entry.aliases, entry.laboratory)


def _terms(path: Path, model: type[EntryT], make: Callable[[EntryT], TermT]) -> list[TermT]:
    """The terms of ``path``; a parent stands before its children, and no code twice."""
    document = read_lined(path)
    if not isinstance(document.value, list):
        raise document.fault((), "must be a list of entries")
    terms, codes = list[TermT](), set[str]()
    for place, raw in enumerate(document.value):
        entry = _entry(document, place, raw, model)
        parent = parent_of(entry.code)
        if entry.code in codes:
            raise document.fault((place, "code"), f"{entry.code} stands twice")
        if parent is not None and parent not in codes:
            told = f"{entry.code}: its parent {parent} does not stand before it"
            raise document.fault((place, "code"), told)
        codes.add(entry.code)
        terms.append(make(entry))
    return terms


def _entry(document: LinedDocument, place: int, raw: object, model: type[ModelT]) -> ModelT:
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        name = raw.get("code", "?") if isinstance(raw, Mapping) else raw
        field = ".".join(map(str, first["loc"]))
        told = f"entry {name}: {field}: {first['msg']}"
        raise document.fault((place, *first["loc"]), told) from error


def _sections(path: Path) -> list[Section]:
    """The sections; their divisions follow each other without an overlap."""
    document = read_lined(path)
    if not isinstance(document.value, list):
        raise document.fault((), "must be a list of entries")
    sections, last = list[Section](), "00"
    for place, raw in enumerate(document.value):
        entry = _entry(document, place, raw, _SectionEntry)
        first, end = entry.divisions
        if not last < first <= end:
            raise document.fault((place, "divisions"), f"{first} to {end} does not follow {last}")
        sections.append(Section(entry.code, entry.name, entry.zh, first, end))
        last = end
    return sections


def _tolerances(path: Path) -> list[ToleranceTable]:
    lined = read_lined(path)
    document = lined.as_model(_Tolerances)
    iso286, iso2768 = document.iso286, document.iso2768
    _check_rows(lined, ("iso286", "width_um"), iso286.width_um, len(iso286.up_to_mm))
    _check_rows(lined, ("iso2768", "plus_minus_um"), iso2768.plus_minus_um, len(iso2768.up_to_mm))
    halved = {
        grade: [None if width is None else width / 2 for width in row]
        for grade, row in iso286.width_um.items()
    }
    return [
        ToleranceTable(0, iso286.up_to_mm, halved),
        ToleranceTable(iso2768.from_mm, iso2768.up_to_mm, iso2768.plus_minus_um),
    ]


def _check_rows(
    lined: LinedDocument,
    place: tuple[str, ...],
    rows: Mapping[str, Sequence[float | None]],
    bands: int,
) -> None:
    for grade, row in rows.items():
        if len(row) != bands:
            raise lined.fault((*place, grade), f"{grade} has {len(row)} of {bands} values")
