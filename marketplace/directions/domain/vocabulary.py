"""What a direction is told in: areas, ways to engage, kinds, attributes, steps and indicators."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Value = str | int | float | bool
JsonSchema = Mapping[str, Any]


class Area(StrEnum):
    """The four areas of the 2017 plan."""

    AGGREGATION = "aggregation"
    """要素汇聚"""
    OPENING = "opening"
    """能力开放"""
    INNOVATION = "innovation"
    """模式创新"""
    REGION = "region"
    """区域合作"""


class Sharing(StrEnum):
    """The kinds of shared manufacturing (共享制造) of 2019."""

    MANUFACTURING = "manufacturing"
    """制造能力共享"""
    INNOVATION = "innovation"
    """创新能力共享"""
    SERVICE = "service"
    """服务能力共享"""


class Engagement(StrEnum):
    """The ways to engage, each of them implemented once."""

    BOOK = "book"
    LICENSE = "license"
    REQUEST = "request"
    RESPOND = "respond"
    JOIN = "join"
    REFER = "refer"


class Primitive(StrEnum):
    """What every direction is made of."""

    RESOURCE = "resource"
    OFFER = "offer"
    CAPACITY = "capacity"
    DEMAND = "demand"
    MATCH = "match"
    BOOKING = "booking"
    DEAL = "deal"
    CALL = "call"
    PROJECT = "project"
    LEDGER = "ledger"
    LIBRARY = "library"
    PROGRAMME = "programme"
    INDICATOR = "indicator"


class FacetKind(StrEnum):
    """How hits are narrowed by an attribute: to one of its values, or to a stretch of numbers."""

    TERMS = "terms"
    RANGE = "range"


@dataclass(frozen=True, slots=True)
class Source:
    """The clause (条款) of a policy document a direction answers."""

    document: str
    clause: str


@dataclass(frozen=True, slots=True)
class ValueName:
    """What one of the values an attribute may take is called."""

    value: str
    name: str
    name_zh: str


@dataclass(frozen=True, slots=True)
class Attribute:
    """One thing said of a resource; ``schema`` is JSON Schema, draft 2020-12."""

    name: str
    label: str
    label_zh: str
    schema: JsonSchema
    unit: str | None = None
    help: str = ""
    help_zh: str = ""
    facet: FacetKind | None = None
    values: tuple[ValueName, ...] = ()

    @property
    def described(self) -> JsonSchema:
        """The schema with its label, as a generator of forms reads it."""
        titled = {"title": self.label, **self.schema}
        return {**titled, "description": self.help} if self.help else titled

    @property
    def item(self) -> JsonSchema:
        """The schema of one value, of which there may be several."""
        items = self.schema.get("items", self.schema)
        return items if isinstance(items, Mapping) else {}

    @property
    def type(self) -> str:
        """JSON type of one value."""
        return str(self.item.get("type", "string"))

    @property
    def is_list(self) -> bool:
        return self.schema.get("type") == "array"

    @property
    def widget(self) -> str:
        """The kind of field a form shows: checkbox, choice, choices, number, date, url or text."""
        if self.type == "boolean":
            return "checkbox"
        if "enum" in self.item:
            return "choices" if self.is_list else "choice"
        if self.type in {"number", "integer"}:
            return "number"
        return {"date": "date", "uri": "url"}.get(self.item.get("format", ""), "text")


@dataclass(frozen=True, slots=True)
class ResourceKind:
    """A kind of resource, what is said of it, and what of that must be."""

    key: str
    name: str
    name_zh: str
    attributes: tuple[str, ...] = ()
    required: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WorkflowStep:
    """A step on the way from an offer to what a direction promises, and the primitive it is of."""

    key: str
    primitive: Primitive
    name: str
    name_zh: str


@dataclass(frozen=True, slots=True)
class Indicator:
    """A figure a direction is judged by; ``formula`` is the key it is computed under."""

    key: str
    formula: str
    name: str
    name_zh: str
