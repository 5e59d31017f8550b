"""Tolerances as ± values: ISO 286 grades (IT5 to IT16) and ISO 2768-1 classes (f, m, c, v)."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from services.contracts.errors import DomainError, ErrorKind


class UnknownToleranceError(DomainError):
    code: ClassVar[str] = "unknown-tolerance"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = (
        "There is no tolerance {grade!r}. Give an ISO 286 grade (IT5 to IT16), an ISO 2768-1 class"
        " (f, m, c or v), or a ± value in µm."
    )
    zh: ClassVar[str] = (
        "没有公差等级 {grade!r}。请给出 ISO 286 等级（IT5 至 IT16）、ISO 2768-1 等级"
        "（f、m、c、v）或以 µm 计的 ± 值。"
    )


class ToleranceSizeError(DomainError):
    code: ClassVar[str] = "tolerance-size"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = (
        "{grade} has no value for a nominal size of {nominal_mm:g} mm; it covers {from_mm:g} to"
        " {to_mm:g} mm. Give a ± value in µm instead."
    )
    zh: ClassVar[str] = (
        "{grade} 对公称尺寸 {nominal_mm:g} mm 没有规定值；其范围为 {from_mm:g} 至 {to_mm:g} mm。"
        "请改用以 µm 计的 ± 值。"
    )


@dataclass(frozen=True, slots=True)
class ToleranceTable:
    """± limits by grade and size band; a band is "over the previous bound, up to and including".

    ``None`` marks a band the standard leaves empty. ``limit_um`` may end on half a micrometre.
    """

    from_mm: float
    up_to_mm: Sequence[float]
    limit_um: Mapping[str, Sequence[float | None]]

    def plus_minus_um(self, grade: str, nominal_mm: float) -> int:
        """The ± limit, rounded down: a stated capability in whole µm fits it exactly as before.

        Raises:
            ToleranceSizeError: the standard gives no value for this size.
        """
        covered = self.from_mm <= nominal_mm <= self.up_to_mm[-1] and nominal_mm > 0
        limit = self.limit_um[grade][bisect_left(self.up_to_mm, nominal_mm)] if covered else None
        if limit is None:
            raise ToleranceSizeError(
                grade=grade, nominal_mm=nominal_mm, from_mm=self.from_mm, to_mm=self.up_to_mm[-1]
            )
        return int(limit)


def finest_grade(
    tables: Sequence[ToleranceTable], plus_minus_um: int, nominal_mm: float
) -> str | None:
    """The finest ISO 286 grade that ``plus_minus_um`` stays within at a size, if any does."""
    table = next(one for one in tables if any(map(_is_iso_286, one.limit_um)))
    try:
        limits = {
            grade: table.plus_minus_um(grade, nominal_mm)
            for grade in filter(_is_iso_286, table.limit_um)
        }
    except ToleranceSizeError:
        return None
    wide_enough = (grade for grade, limit in limits.items() if limit >= plus_minus_um)
    return min(wide_enough, key=limits.__getitem__, default=None)


def _is_iso_286(grade: str) -> bool:
    return grade.startswith("IT")


def plus_minus_um(tables: Sequence[ToleranceTable], grade: str, nominal_mm: float) -> int:
    """Look ``grade`` up in the first of ``tables`` that has it.

    Raises:
        UnknownToleranceError: no table has it.
        ToleranceSizeError: it has no value for this size.
    """
    for table in tables:
        for spelling in (grade.strip().upper(), grade.strip().lower()):
            if spelling in table.limit_um:
                return table.plus_minus_um(spelling, nominal_mm)
    raise UnknownToleranceError(grade=grade)
