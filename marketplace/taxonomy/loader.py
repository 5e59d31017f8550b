"""Reads the taxonomy's YAML; a broken entry is named by file and line."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeVar

import yaml
from pydantic import ConfigDict, Field, ValidationError

from marketplace.taxonomy.domain import CertificateKind, Material, Process, Taxonomy, Tree
from marketplace.taxonomy.tolerance import ToleranceTable
from services.contracts.documents import Document

DATA: Final = Path(__file__).parent / "data"
CODE_PATTERN: Final = r"^[a-z0-9][a-z0-9-]*(\.[a-z0-9][a-z0-9-]*)*$"


class BrokenTaxonomyError(ValueError):
    """A data file that does not have the form it must have."""


class _Entry(Document):
    model_config = ConfigDict(frozen=True)

    code: str = Field(pattern=CODE_PATTERN, max_length=60)
    name: str = Field(min_length=1)
    zh: str = Field(min_length=1)
    aliases: tuple[str, ...] = ()


class _ProcessEntry(_Entry):
    din8580: str | None = Field(default=None, pattern=r"^[1-6](\.\d{1,2}){0,2}$")


class _MaterialEntry(_Entry):
    gb: tuple[str, ...] = ()
    en: tuple[str, ...] = ()
    uns: tuple[str, ...] = ()


class _CertificateEntry(_Entry):
    laboratory: bool = False


class _Iso286(Document):
    up_to_mm: list[float]
    width_um: dict[str, list[float]]


class _Iso2768(Document):
    from_mm: float
    up_to_mm: list[float]
    plus_minus_um: dict[str, list[float | None]]


class _Tolerances(Document):
    iso286: _Iso286
    iso2768: _Iso2768


EntryT = TypeVar("EntryT", bound=_Entry)
TermT = TypeVar("TermT", Process, Material, CertificateKind)


@cache
def load_taxonomy(folder: Path = DATA) -> Taxonomy:
    """The taxonomy kept in ``folder``.

    Raises:
        BrokenTaxonomyError: names the file, the line and what is wrong.
    """
    return Taxonomy(
        processes=_terms(folder / "processes.yaml", _ProcessEntry, _process),
        materials=_terms(folder / "materials.yaml", _MaterialEntry, _material),
        certificates=_terms(folder / "certificates.yaml", _CertificateEntry, _certificate),
        tolerances=_tolerances(folder / "tolerances.yaml"),
    )


def _process(entry: _ProcessEntry) -> Process:
    return Process(entry.code, entry.name, entry.zh, entry.aliases, entry.din8580)


def _material(entry: _MaterialEntry) -> Material:
    names = (entry.aliases, entry.gb, entry.en, entry.uns)
    return Material(entry.code, entry.name, entry.zh, *names)


def _certificate(entry: _CertificateEntry) -> CertificateKind:
    return CertificateKind(entry.code, entry.name, entry.zh, entry.aliases, entry.laboratory)


def _terms(path: Path, model: type[EntryT], make: Callable[[EntryT], TermT]) -> Iterable[TermT]:
    terms = [make(entry) for entry in _entries(path, model)]
    try:
        Tree(terms)
    except ValueError as error:
        raise BrokenTaxonomyError(f"{path.name}: {error}") from error
    return terms


def _entries(path: Path, model: type[EntryT]) -> Iterator[EntryT]:
    for line, raw in _lined(path):
        try:
            yield model.model_validate(raw)
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(str(part) for part in first["loc"])
            name = raw.get("code", "?") if isinstance(raw, Mapping) else raw
            raise BrokenTaxonomyError(
                f"{path.name} line {line}, entry {name}: {field}: {first['msg']}"
            ) from error


def _lined(path: Path) -> list[tuple[int, Any]]:
    text = path.read_text(encoding="utf-8")
    try:
        document = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        raise BrokenTaxonomyError(f"{path.name}: {error}") from error
    if not isinstance(document, yaml.SequenceNode):
        raise BrokenTaxonomyError(f"{path.name}: must be a list of entries")
    values = yaml.load(text, Loader=yaml.CSafeLoader)
    lines = [node.start_mark.line + 1 for node in document.value]
    return list(zip(lines, values, strict=True))


def _tolerances(path: Path) -> list[ToleranceTable]:
    try:
        document = _Tolerances.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, ValidationError) as error:
        raise BrokenTaxonomyError(f"{path.name}: {error}") from error
    iso286, iso2768 = document.iso286, document.iso2768
    halved = {grade: [width / 2 for width in row] for grade, row in iso286.width_um.items()}
    tables = [
        ToleranceTable(0, iso286.up_to_mm, halved),
        ToleranceTable(iso2768.from_mm, iso2768.up_to_mm, iso2768.plus_minus_um),
    ]
    for table in tables:
        for grade, row in table.limit_um.items():
            if len(row) != len(table.up_to_mm):
                bands = len(table.up_to_mm)
                raise BrokenTaxonomyError(f"{path.name}: {grade} has {len(row)} of {bands} values")
    return tables
