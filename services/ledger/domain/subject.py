"""What money is about: a thing of another context, by kind and id."""

import re
from dataclasses import dataclass
from typing import Final
from uuid import UUID

_KIND: Final = re.compile(r"[a-z][a-z_]{0,39}")


@dataclass(frozen=True, slots=True)
class Subject:
    """``kind`` as the context upstream or downstream calls it, e.g. ``order`` or ``booking``.

    Raises:
        ValueError: ``kind`` is no lower-case word of at most 40 letters.
    """

    kind: str
    id: UUID

    def __post_init__(self) -> None:
        if _KIND.fullmatch(self.kind) is None:
            raise ValueError(f"a kind is a lower-case word, got {self.kind!r}")
