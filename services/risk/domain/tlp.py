"""Traffic Light Protocol 2.0 (FIRST): how far a notice may go."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Tlp(StrEnum):
    CLEAR = "clear"
    """Every organisation of the platform."""
    GREEN = "green"
    """Every verified organisation: the community."""
    AMBER = "amber"
    """Addressed organisations, and their clients who must know."""
    AMBER_STRICT = "amber+strict"
    """Addressed organisations alone."""
    RED = "red"
    """Named persons of named organisations alone."""

    @property
    def label(self) -> str:
        """As FIRST writes it, e.g. ``TLP:AMBER+STRICT``."""
        return f"TLP:{self.value.upper()}"


OPEN: Final = frozenset({Tlp.CLEAR, Tlp.GREEN})
"""Read by more than those it is addressed to."""

HANDLING: Final[Mapping[Tlp, tuple[str, str]]] = {
    Tlp.CLEAR: ("May be passed on freely.", "可自由传播。"),
    Tlp.GREEN: (
        "May be passed on within the community of verified organisations, not in public.",
        "可在已认证组织范围内传播，不得公开。",
    ),
    Tlp.AMBER: (
        "For your organisation and those of its clients who must know it to protect themselves.",
        "仅限本组织及为自身防护须知悉的客户。",
    ),
    Tlp.AMBER_STRICT: ("For your organisation alone.", "仅限本组织内部。"),
    Tlp.RED: ("For you personally; tell nobody.", "仅限本人，不得转告任何人。"),
}
"""What a reader may do with it, in English and Chinese; the platform cannot watch over paper."""

TO_CSAF: Final[Mapping[Tlp, str]] = {
    Tlp.CLEAR: "WHITE",
    Tlp.GREEN: "GREEN",
    Tlp.AMBER: "AMBER",
    Tlp.AMBER_STRICT: "AMBER",
    Tlp.RED: "RED",
}
"""CSAF 2.0 knows the labels of TLP 1.0 only; the text beside it tells the finer one."""

WRITTEN: Final[Mapping[str, Tlp]] = {
    **{tlp.value: tlp for tlp in Tlp},
    **{tlp.label.lower(): tlp for tlp in Tlp},
    "white": Tlp.CLEAR,
    "tlp:white": Tlp.CLEAR,
}
"""Every spelling that is understood, in lower case."""
