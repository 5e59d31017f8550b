"""Reads the directions' YAML; what is wrong in a file is named by file, line and field."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final

from jsonschema_rs import Draft202012Validator, ValidationError
from pydantic import ConfigDict, Field

from marketplace.directions.domain import (
    NUMBER_MAX,
    Area,
    Attribute,
    Direction,
    Directions,
    Engagement,
    FacetKind,
    Indicator,
    Primitive,
    ResourceKind,
    Sharing,
    Source,
    ValueName,
    WorkflowStep,
)
from services.capacity.domain import KIND_PATTERN, Visibility
from services.contracts.documents import Document
from services.runtime.lined_yaml import LinedDocument, read_lined

VOCABULARY: Final = Path(__file__).parent / "data" / "vocabulary.yaml"
NINE: Final = Path(__file__).parent / "data" / "nine"
KEY_PATTERN: Final = r"^[a-z][a-z0-9-]{0,39}$"
NAME_PATTERN: Final = r"^[a-z][a-z0-9_]{0,39}$"
FORMULA_PATTERN: Final = r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$"
TYPES: Final = ("string", "number", "integer", "boolean")

Place = tuple[str | int, ...]
Fault = tuple[Place, str]
Text = Annotated[str, Field(min_length=1)]
Key = Annotated[str, Field(pattern=KEY_PATTERN)]
Name = Annotated[str, Field(pattern=NAME_PATTERN)]
Kind = Annotated[str, Field(pattern=KIND_PATTERN)]


class _Entry(Document):
    model_config = ConfigDict(frozen=True)


class _Named(_Entry):
    name: Text
    zh: Text


class _AttributeEntry(_Named):
    json_schema: dict[str, Any] = Field(alias="schema")
    unit: Text | None = None
    help: str = ""
    help_zh: str = ""
    facet: FacetKind | None = None
    values: dict[str, _Named] = Field(default_factory=dict)

    def attribute(self, name: str) -> Attribute:
        values = (ValueName(key, one.name, one.zh) for key, one in self.values.items())
        return Attribute(
            name=name,
            label=self.name,
            label_zh=self.zh,
            schema=self.json_schema,
            unit=self.unit,
            help=self.help,
            help_zh=self.help_zh,
            facet=self.facet,
            values=tuple(values),
        )


class _KindEntry(_Entry):
    name: Text | None = None
    zh: Text | None = None
    attributes: tuple[Name, ...] | None = None
    required: tuple[Name, ...] | None = None

    def over(self, usual: "_KindEntry | None") -> "_KindEntry":
        """This entry, and from ``usual`` what it leaves out."""
        return usual.model_copy(update=self.model_dump(exclude_none=True)) if usual else self

    def resource_kind(self, key: str) -> ResourceKind:
        return ResourceKind(
            key, self.name or key, self.zh or key, self.attributes or (), self.required or ()
        )


class _Vocabulary(_Entry):
    attributes: dict[Name, _AttributeEntry]
    kinds: dict[Kind, _KindEntry]


class _SourceEntry(_Entry):
    document: Text
    clause: Text


class _StepEntry(_Named):
    key: Key
    primitive: Primitive


class _IndicatorEntry(_Named):
    key: Key
    formula: str = Field(pattern=FORMULA_PATTERN)


class _DirectionEntry(_Named):
    key: Key
    number: int = Field(ge=1, le=NUMBER_MAX)
    area: Area
    about: Text
    about_zh: Text
    sharing: Sharing
    sources: tuple[_SourceEntry, ...] = Field(min_length=1)
    engage: tuple[Engagement, ...] = Field(min_length=1)
    visibility: tuple[Visibility, ...] = Field(min_length=1)
    attributes: dict[Name, _AttributeEntry] = Field(default_factory=dict)
    kinds: dict[Kind, _KindEntry | None] = Field(min_length=1)
    workflow: tuple[_StepEntry, ...] = Field(min_length=1)
    indicators: tuple[_IndicatorEntry, ...] = Field(min_length=1)

    def completed(self, vocabulary: _Vocabulary) -> "_DirectionEntry":
        """With what it takes from ``vocabulary`` written out."""
        kinds = {
            key: (given or _KindEntry()).over(vocabulary.kinds.get(key))
            for key, given in self.kinds.items()
        }
        used = {name for kind in kinds.values() for name in kind.attributes or ()}
        shared = {
            name: one
            for name, one in vocabulary.attributes.items()
            if name in used and name not in self.attributes
        }
        attributes = self.attributes | shared
        return self.model_copy(update={"kinds": kinds, "attributes": attributes})

    def direction(self) -> Direction:
        kinds = {key: (one or _KindEntry()).resource_kind(key) for key, one in self.kinds.items()}
        return Direction(
            key=self.key,
            number=self.number,
            area=self.area,
            name=self.name,
            name_zh=self.zh,
            about=self.about,
            about_zh=self.about_zh,
            sharing=self.sharing,
            sources=tuple(Source(one.document, one.clause) for one in self.sources),
            engage=self.engage,
            visibility=self.visibility,
            kinds=kinds,
            attributes={name: one.attribute(name) for name, one in self.attributes.items()},
            workflow=tuple(
                WorkflowStep(one.key, one.primitive, one.name, one.zh) for one in self.workflow
            ),
            indicators=tuple(
                Indicator(one.key, one.formula, one.name, one.zh) for one in self.indicators
            ),
        )


@cache
def load_directions(more: Path | None = None) -> Directions:
    """The nine directions and, with a folder of ``more``, what its ``*.yaml`` add.

    Raises:
        BrokenDataError: names the file, the line and what is wrong.
    """
    vocabulary = _vocabulary(VOCABULARY)
    paths = [*sorted(NINE.glob("*.yaml")), *(sorted(more.glob("*.yaml")) if more else ())]
    directions = list[Direction]()
    for path in paths:
        document = read_lined(path)
        one = _direction(document, document.as_model(_DirectionEntry), vocabulary)
        _refuse_double(document, one, directions)
        directions.append(one)
    return Directions(directions)


def _vocabulary(path: Path) -> _Vocabulary:
    document = read_lined(path)
    vocabulary = document.as_model(_Vocabulary)
    faults = [*_attribute_faults(vocabulary.attributes), *_kind_faults(vocabulary)]
    _raise_first(document, faults)
    return vocabulary


def _direction(
    document: LinedDocument, entry: _DirectionEntry, vocabulary: _Vocabulary
) -> Direction:
    completed = entry.completed(vocabulary)
    faults = [
        *_attribute_faults(entry.attributes),
        *_kind_faults(completed),
        *_repeats("workflow", [step.key for step in entry.workflow]),
        *_repeats("indicators", [one.key for one in entry.indicators]),
        *_repeats("engage", entry.engage),
        *_repeats("visibility", entry.visibility),
    ]
    _raise_first(document, faults)
    return completed.direction()


def _refuse_double(
    document: LinedDocument, direction: Direction, others: Sequence[Direction]
) -> None:
    for other in others:
        for field in ("key", "number"):
            if getattr(direction, field) == getattr(other, field):
                raise document.fault((field,), f"direction {other.number} {other.key} has it")


def _raise_first(document: LinedDocument, faults: Sequence[Fault]) -> None:
    if faults:
        raise document.fault(*faults[0])


def _repeats(field: str, values: Sequence[str]) -> Iterator[Fault]:
    for place, value in enumerate(values):
        if value in values[:place]:
            yield (field, place), f"{value} stands twice"


def _kind_faults(entry: _Vocabulary | _DirectionEntry) -> Iterator[Fault]:
    for key, kind in entry.kinds.items():
        kind = kind or _KindEntry()  # noqa: PLW2901 - an empty entry says nothing
        if kind.name is None or kind.zh is None:
            yield ("kinds", key), "is no kind of the vocabulary: give it a name and zh"
        for place, name in enumerate(kind.attributes or ()):
            if name not in entry.attributes:
                yield ("kinds", key, "attributes", place), f"there is no attribute {name}"
        for place, name in enumerate(kind.required or ()):
            if name not in (kind.attributes or ()):
                yield ("kinds", key, "required", place), f"{name} is not among its attributes"


def _attribute_faults(entries: Mapping[str, _AttributeEntry]) -> Iterator[Fault]:
    for name, entry in entries.items():
        attribute = entry.attribute(name)
        at: Place = ("attributes", name)
        try:
            Draft202012Validator(entry.json_schema)
        except (ValidationError, ValueError) as error:
            yield (*at, "schema"), f"is no JSON Schema of draft 2020-12: {_first_line(error)}"
            continue
        if attribute.type not in TYPES or "type" not in attribute.item:
            told = f"a value, or each of an array's, is of one type: {', '.join(TYPES)}"
            yield (*at, "schema", "type"), told
        elif not _is_bounded(attribute):
            yield (*at, "schema"), "a text needs a maxLength or an enum, an array maxItems"
        numeric = attribute.type in {"number", "integer"}
        if entry.facet is not None and (entry.facet is FacetKind.RANGE) is not numeric:
            yield (*at, "facet"), "numbers are narrowed by range, everything else by terms"
        for value in entry.values:
            if value not in attribute.item.get("enum", ()):
                yield (*at, "values", value), "is no value of its enum"


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _is_bounded(attribute: Attribute) -> bool:
    text = attribute.type != "string" or bool({"maxLength", "enum"} & attribute.item.keys())
    return text and (not attribute.is_list or "maxItems" in attribute.schema)
