"""Directions (方向): what is shared in each and how, read from data. Pure."""

from marketplace.directions.domain.direction import (
    NUMBER_MAX,
    Direction,
    Directions,
)
from marketplace.directions.domain.errors import (
    AttributeInvalidError,
    AttributeMissingError,
    AttributeUnknownError,
    DirectionNotFoundError,
    FacetInvalidError,
    FacetsNeedDirectionError,
    FacetUnknownError,
    KindNotFoundError,
    KindNotInDirectionError,
    UnknownDirectionError,
    VisibilityNotInDirectionError,
)
from marketplace.directions.domain.facets import (
    FacetFilter,
    facet_path,
)
from marketplace.directions.domain.vocabulary import (
    Area,
    Attribute,
    Engagement,
    FacetKind,
    Indicator,
    JsonSchema,
    Primitive,
    ResourceKind,
    Sharing,
    Source,
    ValueName,
    WorkflowStep,
)

__all__ = [
    "NUMBER_MAX",
    "Area",
    "Attribute",
    "AttributeInvalidError",
    "AttributeMissingError",
    "AttributeUnknownError",
    "Direction",
    "DirectionNotFoundError",
    "Directions",
    "Engagement",
    "FacetFilter",
    "FacetInvalidError",
    "FacetKind",
    "FacetUnknownError",
    "FacetsNeedDirectionError",
    "Indicator",
    "JsonSchema",
    "KindNotFoundError",
    "KindNotInDirectionError",
    "Primitive",
    "ResourceKind",
    "Sharing",
    "Source",
    "UnknownDirectionError",
    "ValueName",
    "VisibilityNotInDirectionError",
    "WorkflowStep",
    "facet_path",
]
