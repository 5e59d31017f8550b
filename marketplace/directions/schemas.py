"""Directions as the API shows them: what they are, and the forms of what is offered in them."""

from collections.abc import Iterable
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field

from marketplace.directions.domain import (
    Area,
    Attribute,
    Direction,
    Engagement,
    FacetKind,
    Primitive,
    ResourceKind,
    Sharing,
)
from services.capacity.domain import Visibility


class _Shown(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class SourceOut(_Shown):
    document: str
    clause: str


class StepOut(_Shown):
    key: str
    primitive: Primitive
    name: str
    name_zh: str


class IndicatorOut(_Shown):
    key: str
    formula: str
    name: str
    name_zh: str


class KindOut(_Shown):
    key: str
    name: str
    name_zh: str
    attributes: list[str]
    required: list[str]


class ValueOut(_Shown):
    value: str
    name: str
    name_zh: str


class FacetOut(BaseModel):
    """What hits are narrowed by: ``attribute=name:value``, or ``attribute=name:low..high``."""

    name: str
    facet: FacetKind
    label: str
    label_zh: str
    unit: str | None
    values: list[ValueOut]

    @classmethod
    def of(cls, attribute: Attribute, facet: FacetKind) -> Self:
        return cls(
            name=attribute.name,
            facet=facet,
            label=attribute.label,
            label_zh=attribute.label_zh,
            unit=attribute.unit,
            values=[ValueOut.model_validate(one) for one in attribute.values],
        )


class DirectionSummary(_Shown):
    key: str
    number: int
    area: Area
    name: str
    name_zh: str
    about: str
    about_zh: str
    sharing: Sharing = Field(description="kind of shared manufacturing (共享制造) of its offers")


class DirectionList(BaseModel):
    items: list[DirectionSummary]

    @classmethod
    def of(cls, directions: Iterable[Direction]) -> Self:
        return cls(items=[DirectionSummary.model_validate(one) for one in directions])


class DirectionOut(DirectionSummary):
    """One direction with all it is made of. What is usual stands first in its lists."""

    sources: list[SourceOut]
    engage: list[Engagement]
    visibility: list[Visibility]
    kinds: list[KindOut]
    facets: list[FacetOut]
    workflow: list[StepOut]
    indicators: list[IndicatorOut]

    @classmethod
    def of(cls, direction: Direction) -> Self:
        names = cls.model_fields.keys() - {"kinds", "facets"}
        shown: dict[str, Any] = {name: getattr(direction, name) for name in names}
        kinds = [KindOut.model_validate(one) for one in direction.kinds.values()]
        facets = [FacetOut.of(one, one.facet) for one in direction.attributes.values() if one.facet]
        return cls.model_validate(shown | {"kinds": kinds, "facets": facets})


class FieldOut(BaseModel):
    """A field of a form, in both languages."""

    name: str
    label: str
    label_zh: str
    help: str
    help_zh: str
    unit: str | None
    widget: str = Field(description="checkbox, choice, choices, number, date, url or text")
    several: bool = Field(description="takes a list of values")
    required: bool
    values: list[ValueOut]

    @classmethod
    def of(cls, attribute: Attribute, *, required: bool) -> Self:
        return cls(
            name=attribute.name,
            label=attribute.label,
            label_zh=attribute.label_zh,
            help=attribute.help,
            help_zh=attribute.help_zh,
            unit=attribute.unit,
            widget=attribute.widget,
            several=attribute.is_list,
            required=required,
            values=[ValueOut.model_validate(one) for one in attribute.values],
        )


class FormOut(BaseModel):
    """What is said of a kind of resource: the rules (JSON Schema, draft 2020-12) and the fields."""

    direction: str
    kind: str
    name: str
    name_zh: str
    rules: dict[str, Any] = Field(description="JSON Schema an offer's `attributes` must meet")
    fields: list[FieldOut]

    @classmethod
    def of(cls, direction: Direction, kind: ResourceKind) -> Self:
        fields = [
            FieldOut.of(direction.attributes[name], required=name in kind.required)
            for name in kind.attributes
        ]
        return cls(
            direction=direction.key,
            kind=kind.key,
            name=kind.name,
            name_zh=kind.name_zh,
            rules=dict(direction.schema(kind)),
            fields=fields,
        )
