"""To whom a notice goes: organisations by name or by rule, or named persons."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from services.contracts.ids import OrganisationId, PersonId

NAMED_MAX: Final = 500
"""Organisations, persons, parks or regions named singly."""


@dataclass(frozen=True, slots=True, order=True)
class Addressee:
    """A person, as a member of one organisation."""

    organisation_id: OrganisationId
    person_id: PersonId


@dataclass(frozen=True, slots=True)
class Addressing:
    """Whoever any of it names. ``regions`` are prefixes of GB/T 2260 codes, e.g. ``4201``."""

    organisations: tuple[OrganisationId, ...] = ()
    persons: tuple[Addressee, ...] = ()
    parks: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    affected_products: bool = False
    """Those whose resources name an affected product."""
    all_verified: bool = False

    @property
    def has_rules(self) -> bool:
        """Whether it is more than a list of names."""
        return bool(self.parks or self.regions or self.affected_products or self.all_verified)

    @property
    def is_empty(self) -> bool:
        return not (self.organisations or self.persons or self.has_rules)


@dataclass(frozen=True, slots=True)
class Names:
    """What product texts are looked for: vendor and name, folded."""

    pairs: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, products: Iterable[tuple[str, str]]) -> "Names":
        """Names of one character would be found everywhere and are left out."""
        folded = {(_folded(vendor), _folded(name)) for vendor, name in products}
        return cls(frozenset(pair for pair in folded if len(pair[1]) > 1))

    def are_in(self, texts: Iterable[str]) -> bool:
        """Whether one product's vendor and name both stand in ``texts``."""
        whole = "\n".join(_folded(text) for text in texts)
        return any(vendor in whole and name in whole for vendor, name in self.pairs)


@dataclass(frozen=True, slots=True)
class Recipient:
    """``person_ids`` narrows reading to them; empty: any member of the organisation."""

    organisation_id: OrganisationId
    person_ids: frozenset[UUID] = frozenset()


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
