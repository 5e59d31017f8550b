"""Reads the programmes' rule files; what is wrong in one is named by file, line and field."""

from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Final

from pydantic import ConfigDict, Field

from marketplace.programmes.domain import (
    KEY_PATTERN,
    TEXT_MAX,
    FieldKind,
    FormField,
    Preference,
    Programme,
    Rule,
    RuleKind,
)
from services.contracts.documents import Document
from services.runtime.lined_yaml import LinedDocument, read_lined

DATA: Final = Path(__file__).parent / "data"
Text = Annotated[str, Field(min_length=1)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Fault = tuple[tuple[str | int, ...], str]


class _Entry(Document):
    model_config = ConfigDict(frozen=True)


class _Said(_Entry):
    said: Text
    zh: Text


class _RuleEntry(_Said):
    clause: Text
    kind: RuleKind
    most: int = Field(default=0, ge=0)
    region: str = ""
    field: str = ""


class _PreferenceEntry(_Said):
    clause: Text
    field: Name


class _FieldEntry(_Entry):
    kind: FieldKind
    name: Text
    zh: Text
    required: bool = True
    figure: Name | None = None
    most: int = Field(default=TEXT_MAX, ge=1, le=TEXT_MAX)


class _DirectionEntry(_Entry):
    name: Text
    zh: Text


class _ProgrammeEntry(_Entry):
    key: Annotated[str, Field(pattern=KEY_PATTERN)]
    version: int = Field(ge=1)
    valid_from: date
    name: Text
    zh: Text
    source: Text
    directions: dict[int, _DirectionEntry] = Field(min_length=1)
    rules: tuple[_RuleEntry, ...] = Field(min_length=1)
    preferences: tuple[_PreferenceEntry, ...] = ()
    form: dict[Name, _FieldEntry] = Field(min_length=1)
    stages: tuple[Text, ...] = Field(min_length=1)
    term_years: int | None = None
    progress_reports: bool = False

    def programme(self) -> Programme:
        return Programme(
            key=self.key,
            version=self.version,
            valid_from=self.valid_from,
            name=self.name,
            name_zh=self.zh,
            source=self.source,
            directions={key: (one.name, one.zh) for key, one in self.directions.items()},
            rules=tuple(
                Rule(one.clause, one.kind, one.said, one.zh, one.most, one.region, one.field)
                for one in self.rules
            ),
            preferences=tuple(
                Preference(one.clause, one.field, one.said, one.zh) for one in self.preferences
            ),
            form=tuple(
                FormField(key, one.kind, one.name, one.zh, one.required, one.figure, one.most)
                for key, one in self.form.items()
            ),
            stages=self.stages,
            term_years=self.term_years,
            progress_reports=self.progress_reports,
        )


@cache
def load_programmes(folder: Path = DATA) -> Mapping[str, Programme]:
    """The newest version of every programme, by key.

    Raises:
        BrokenDataError: names the file, the line and what is wrong.
    """
    found = dict[str, Programme]()
    for path in sorted(folder.glob("*.yaml")):
        one = read_programme(path)
        if one.key not in found or found[one.key].version < one.version:
            found[one.key] = one
    return found


def read_programme(path: Path) -> Programme:
    """The programme in one file; raises as ``load_programmes``."""
    document: LinedDocument = read_lined(path)
    entry = document.as_model(_ProgrammeEntry)
    for place, told in _faults(entry):
        raise document.fault(place, told)
    return entry.programme()


def _faults(entry: _ProgrammeEntry) -> Iterator[Fault]:
    seen = set[str]()
    for place, rule in enumerate(entry.rules):
        if rule.clause in seen:
            yield ("rules", place, "clause"), f"{rule.clause} stands twice"
        seen.add(rule.clause)
        if rule.kind in _NEED_FIELD and rule.field not in entry.form:
            yield ("rules", place, "field"), f"the form has no field {rule.field or '(none)'}"
        if rule.kind.value.endswith("at-most") and rule.most < 1:
            yield ("rules", place, "most"), "a limit needs a number of at least 1"
        if rule.kind is RuleKind.REGISTERED_IN and not rule.region:
            yield ("rules", place, "region"), "name the region by the start of its code"
    for place, one in enumerate(entry.preferences):
        if one.field not in entry.form:
            yield ("preferences", place, "field"), f"the form has no field {one.field}"


_NEED_FIELD: Final = frozenset({RuleKind.NOT_STATED, RuleKind.NOT_AWARDED_BEFORE})
