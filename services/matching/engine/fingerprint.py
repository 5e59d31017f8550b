"""The state hash of columns, brought up to date by what changed instead of taken anew."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from services.matching.engine.canonical import listing_digest, resource_digest, shown
from services.matching.engine.columns import Columns, Key

Array = np.ndarray[Any, Any]


class Fingerprint:
    """What was hashed of each listing and resource, and what has changed since."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._total = 0
        self._listings: dict[Key, int] = {}
        self._resources: dict[int, int] = {}
        self._changed_listings: set[Key] = set(columns.listing_number)
        self._changed_resources = np.ones(len(columns.offered), np.bool_)

    def listing_changed(self, key: Key) -> None:
        """A listing came, went or costs otherwise."""
        self._changed_listings.add(key)
        number = self._columns.resource_number.get(key[1])
        if number is not None:
            self.resources_changed(number)

    def resources_changed(self, numbers: int | Array) -> None:
        """Resources, by their numbers, are no longer what they were."""
        missing = len(self._columns.offered) - len(self._changed_resources)
        if missing > 0:
            more = np.ones(2 * missing + len(self._changed_resources), np.bool_)
            self._changed_resources = np.concatenate([self._changed_resources, more])
        self._changed_resources[numbers] = True

    def __str__(self) -> str:
        self._take_listings(self._changed_listings)
        self._changed_listings = set()
        known = len(self._columns.offered)
        self._take_resources(np.flatnonzero(self._changed_resources[:known]).tolist())
        self._changed_resources[:known] = False
        return shown(self._total)

    def _take_listings(self, keys: Iterable[Key]) -> None:
        columns = self._columns
        for key in keys:
            number = columns.listing_number.get(key)
            fresh = 0 if number is None else listing_digest(columns.listing(number))
            self._total += fresh - self._listings.pop(key, 0)
            if number is not None:
                self._listings[key] = fresh

    def _take_resources(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            listed = self._columns.is_listed(number)
            fresh = resource_digest(self._columns.resource(number)) if listed else 0
            self._total += fresh - self._resources.pop(number, 0)
            if listed:
                self._resources[number] = fresh
