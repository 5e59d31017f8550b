"""Facets: hits narrowed by what offers say, as asked in a query and as a database reads it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from marketplace.directions.domain.errors import FacetInvalidError, FacetUnknownError
from marketplace.directions.domain.vocabulary import Attribute, FacetKind, Value


@dataclass(frozen=True, slots=True)
class FacetFilter:
    """One facet narrowed: to ``value``, or to numbers from ``low`` to ``high``, both included."""

    name: str
    value: Value | None = None
    low: float | None = None
    high: float | None = None


def facet_filter(direction: str, facets: Mapping[str, Attribute], asked: str) -> FacetFilter:
    """``asked``, ``name:value`` or ``name:low..high``, as a filter.

    Raises:
        FacetUnknownError: ``facets`` has none of that name.
        FacetInvalidError: a value the facet cannot have.
    """
    name, _, text = asked.partition(":")
    if name not in facets:
        raise FacetUnknownError(direction=direction, facet=name, known=", ".join(facets) or "–")
    facet = facets[name]
    if facet.facet is FacetKind.RANGE:
        return _range(name, text)
    return FacetFilter(name, value=_term(facet, text))


def facet_path(filters: Sequence[FacetFilter], *, within: str = "$") -> tuple[str, dict[str, Any]]:
    """The SQL/JSON path that holds for documents all ``filters`` pass, and its variables.

    ``within`` is the path of the object with the attributes. A list passes when one of its
    values does.
    """
    clauses, values = list[str](), dict[str, Any]()
    for place, one in enumerate(filters):
        asked = (("==", "value", one.value), (">=", "low", one.low), ("<=", "high", one.high))
        parts = [(sign, f"{name}{place}", held) for sign, name, held in asked if held is not None]
        test = " && ".join(f"@ {sign} ${name}" for sign, name, _ in parts)
        clauses.append(f"exists({within}.{one.name}[*] ? ({test}))")
        values |= {name: held for _, name, held in parts}
    return " && ".join(clauses) or "1 == 1", values


def _range(name: str, text: str) -> FacetFilter:
    low, dots, high = text.partition("..")
    try:
        least = float(low) if low else None
        most = (float(high) if high else None) if dots else least
    except ValueError as error:
        raise FacetInvalidError(facet=name, value=text, wanted="low..high") from error
    ordered = least is None or most is None or least <= most
    finite = all(one is None or isfinite(one) for one in (least, most))
    if (least is None and most is None) or not ordered or not finite:
        raise FacetInvalidError(facet=name, value=text, wanted="low..high")
    return FacetFilter(name, low=least, high=most)


def _term(facet: Attribute, text: str) -> Value:
    if facet.type == "boolean":
        if text not in {"true", "false"}:
            raise FacetInvalidError(facet=facet.name, value=text, wanted="true, false")
        return text == "true"
    values = facet.item.get("enum")
    if values is not None and text not in values:
        raise FacetInvalidError(facet=facet.name, value=text, wanted=", ".join(values))
    return text
