"""A direction: which resources it opens, what must be said of them, and who may see them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final

from jsonschema_rs import Draft202012Validator, ValidationError

from marketplace.directions.domain.errors import (
    AttributeInvalidError,
    AttributeMissingError,
    AttributeUnknownError,
    DirectionNotFoundError,
    FacetsNeedDirectionError,
    KindNotFoundError,
    KindNotInDirectionError,
    UnknownDirectionError,
    VisibilityNotInDirectionError,
)
from marketplace.directions.domain.facets import FacetFilter, facet_filter
from marketplace.directions.domain.vocabulary import (
    Area,
    Attribute,
    Engagement,
    Indicator,
    JsonSchema,
    ResourceKind,
    Sharing,
    Source,
    WorkflowStep,
)
from services.capacity.domain import Visibility

NUMBER_MAX: Final = 99
"""Directions are numbered from 1; the policy documents name nine."""
SCHEMA_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
SHOWN_MAX: Final = 200


@dataclass(frozen=True, kw_only=True)
class Direction:
    """One direction. ``visibility`` and ``engage`` name what is usual first."""

    key: str
    number: int
    area: Area
    name: str
    name_zh: str
    about: str
    about_zh: str
    sharing: Sharing
    sources: tuple[Source, ...]
    engage: tuple[Engagement, ...]
    visibility: tuple[Visibility, ...]
    kinds: Mapping[str, ResourceKind]
    attributes: Mapping[str, Attribute]
    workflow: tuple[WorkflowStep, ...]
    indicators: tuple[Indicator, ...]

    @property
    def usual_visibility(self) -> Visibility:
        return self.visibility[0]

    @cached_property
    def facets(self) -> Mapping[str, Attribute]:
        """What hits can be narrowed by."""
        faceted = {name: one for name, one in self.attributes.items() if one.facet is not None}
        return MappingProxyType(faceted)

    @cached_property
    def _validators(self) -> Mapping[str, Draft202012Validator]:
        return {
            name: Draft202012Validator(dict(one.schema), validate_formats=True)
            for name, one in self.attributes.items()
        }

    def kind(self, key: str) -> ResourceKind:
        """The kind ``key``.

        Raises:
            KindNotInDirectionError: the direction has none such.
        """
        if key not in self.kinds:
            raise KindNotInDirectionError(
                direction=self.key, resource_kind=key, known=", ".join(self.kinds)
            )
        return self.kinds[key]

    def find_kind(self, key: str) -> ResourceKind:
        """The kind ``key``.

        Raises:
            KindNotFoundError: the direction has none such.
        """
        if key not in self.kinds:
            raise KindNotFoundError(
                direction=self.key, resource_kind=key, known=", ".join(self.kinds)
            )
        return self.kinds[key]

    def schema(self, kind: ResourceKind) -> JsonSchema:
        """What may be said of a resource of ``kind``, as one JSON Schema."""
        return {
            "$schema": SCHEMA_DIALECT,
            "$id": f"urn:nonagon:direction:{self.key}:{kind.key}",
            "title": kind.name,
            "type": "object",
            "properties": {name: self.attributes[name].described for name in kind.attributes},
            "required": list(kind.required),
            "additionalProperties": False,
        }

    def check_visibility(self, visibility: Visibility) -> None:
        """Refuse a visibility the direction does not know.

        Raises:
            VisibilityNotInDirectionError: it is not among its own.
        """
        if visibility not in self.visibility:
            raise VisibilityNotInDirectionError(
                direction=self.key, visibility=visibility.value, known=", ".join(self.visibility)
            )

    def check_attributes(self, kinds: Iterable[str], said: Mapping[str, Any]) -> None:
        """Refuse what cannot be said of resources of ``kinds`` offered together.

        An attribute means the same for every kind of a direction, so that it is enough that one of
        them has it; what any of them must say must be said.

        Raises:
            KindNotInDirectionError: a kind the direction does not open.
            AttributeUnknownError, AttributeMissingError, AttributeInvalidError: what was said.
        """
        offered = [self.kind(key) for key in sorted(set(kinds))]
        called = ", ".join(one.key for one in offered)
        known = dict.fromkeys(name for one in offered for name in one.attributes)
        for name, value in said.items():
            if name not in known:
                raise AttributeUnknownError(
                    direction=self.key, attribute=name, kinds=called, known=", ".join(known) or "–"
                )
            self._check_value(self.attributes[name], value)
        for name in (name for one in offered for name in one.required):
            if name not in said:
                attribute = self.attributes[name]
                raise AttributeMissingError(
                    direction=self.key,
                    attribute=name,
                    kinds=called,
                    label=attribute.label,
                    label_zh=attribute.label_zh,
                )

    def _check_value(self, attribute: Attribute, value: object) -> None:
        fault = next(iter(self._validators[attribute.name].iter_errors(value)), None)
        if fault is not None:
            raise AttributeInvalidError(
                attribute=attribute.name,
                label=attribute.label,
                label_zh=attribute.label_zh,
                value=_shown(fault.instance),
                wanted=_wanted(attribute.schema, fault),
            )

    def missing(self, kinds: Iterable[str], said: Mapping[str, Any]) -> tuple[Attribute, ...]:
        """What could still be said of resources of ``kinds``, in the order of the forms."""
        offered = [self.kinds[key] for key in sorted(set(kinds)) if key in self.kinds]
        names = dict.fromkeys(name for one in offered for name in one.attributes)
        return tuple(self.attributes[name] for name in names if name not in said)

    def filters(self, asked: Sequence[str]) -> tuple[FacetFilter, ...]:
        """``asked``, each ``name:value`` or ``name:low..high``, as filters.

        Raises:
            FacetUnknownError: the direction has no such facet.
            FacetInvalidError: a value the facet cannot have.
        """
        return tuple(facet_filter(self.key, self.facets, one) for one in asked)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN_MAX else text[: SHOWN_MAX - 1] + "…"


def _wanted(schema: JsonSchema, fault: ValidationError) -> str:
    """The rule that was broken, in the words of the schema, which are the same in any language."""
    rule: Any = schema
    for part in fault.schema_path:
        rule = rule[part]
    return f"{fault.schema_path[-1]} {_shown(rule)}"


class Directions:
    """Every direction that is open, by its key and by its number.

    Raises:
        ValueError: a key or number stands twice.
    """

    def __init__(self, directions: Iterable[Direction]) -> None:
        ordered = sorted(directions, key=lambda one: one.number)
        self._by_number = {one.number: one for one in ordered}
        self._by_key = {one.key: one for one in ordered}
        if not len(self._by_key) == len(self._by_number) == len(ordered):
            raise ValueError("a key or number stands twice")

    def __iter__(self) -> Iterator[Direction]:
        return iter(self._by_number.values())

    def __len__(self) -> int:
        return len(self._by_number)

    def numbered(self, number: int) -> Direction:
        """The direction a document names by ``number``.

        Raises:
            UnknownDirectionError: there is none.
        """
        if number not in self._by_number:
            raise UnknownDirectionError(
                direction=number, known=", ".join(map(str, self._by_number))
            )
        return self._by_number[number]

    def find(self, key: str) -> Direction:
        """The direction at the address ``key``.

        Raises:
            DirectionNotFoundError: there is none.
        """
        if key not in self._by_key:
            raise DirectionNotFoundError(direction=key, known=", ".join(self._by_key))
        return self._by_key[key]

    def filters(self, number: int | None, asked: Sequence[str]) -> tuple[FacetFilter, ...]:
        """Facets of the direction ``number`` as filters.

        Raises:
            FacetsNeedDirectionError: facets of no direction.
            UnknownDirectionError, FacetUnknownError, FacetInvalidError: what is not.
        """
        if not asked:
            return ()
        if number is None:
            raise FacetsNeedDirectionError
        return self.numbered(number).filters(asked)
