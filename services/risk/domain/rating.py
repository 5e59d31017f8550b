"""How severe: a CVSS vector's own score, or what a person says."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Final

from services.contracts.deferred import Deferred
from services.contracts.errors import DomainError, ErrorKind

if TYPE_CHECKING:
    import cvss
else:
    cvss = Deferred("cvss")

VECTOR_MAX: Final = 300


class Severity(StrEnum):
    """Qualitative ratings of CVSS; GB/T 30279-2020 names four of them 低危, 中危, 高危, 超危."""

    NONE = "none"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


ACKNOWLEDGE_WITHIN: Final[Mapping[Severity, timedelta]] = {
    Severity.CRITICAL: timedelta(hours=24),
    Severity.HIGH: timedelta(hours=72),
    Severity.MEDIUM: timedelta(days=7),
    Severity.LOW: timedelta(days=30),
    Severity.NONE: timedelta(days=30),
}
"""From delivery until an addressed organisation must have acknowledged."""


class InvalidVectorError(DomainError):
    code: ClassVar[str] = "invalid-cvss-vector"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = (
        "{vector!r} is no CVSS 3.1 or 4.0 vector ({problem}); write it as CVSS:3.1/AV:N/…"
    )
    zh: ClassVar[str] = (
        "{vector!r} 不是有效的 CVSS 3.1 或 4.0 向量（{problem}）；请写成 CVSS:3.1/AV:N/…"
    )


class UnratedError(DomainError):
    code: ClassVar[str] = "risk-unrated"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "Give a CVSS vector or a severity: none, low, medium, high, critical."
    zh: ClassVar[str] = "请给出 CVSS 向量或严重程度：none、low、medium、high、critical。"


@dataclass(frozen=True, slots=True)
class Rating:
    severity: Severity
    vector: str | None = None
    score: Decimal | None = None
    """Base score of ``vector``, 0.0 to 10.0."""


def rated(*, vector: str | None, severity: Severity | None) -> Rating:
    """The rating; a vector outweighs what is said beside it.

    Raises:
        InvalidVectorError: the vector is malformed, or of another version of CVSS.
        UnratedError: neither is given.
    """
    if vector:
        return _scored(vector)
    if severity is None:
        raise UnratedError
    return Rating(severity)


def _scored(vector: str) -> Rating:
    shown = vector[:VECTOR_MAX]
    if len(vector) > VECTOR_MAX:
        raise InvalidVectorError(vector=shown, problem=f"> {VECTOR_MAX}")
    try:
        if vector.startswith("CVSS:3.1/"):
            third = cvss.CVSS3(vector)
            word, score = third.severities()[0], third.base_score
            return Rating(Severity(word.lower()), third.clean_vector(), score)
        if vector.startswith("CVSS:4.0/"):
            fourth = cvss.CVSS4(vector)
            score = Decimal(str(fourth.base_score))
            return Rating(Severity(fourth.severity.lower()), fourth.clean_vector(), score)
    except cvss.exceptions.CVSSError as error:
        raise InvalidVectorError(vector=shown, problem=str(error)) from error
    raise InvalidVectorError(vector=shown, problem="CVSS:3.1/… | CVSS:4.0/…")
