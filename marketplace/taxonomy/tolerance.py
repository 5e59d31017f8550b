"""Tolerances as ± values: ISO 286 grades (IT1 to IT18) and ISO 2768-1 classes (f, m, c, v)."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar

from services.contracts.errors import DomainError, ErrorKind


class UnknownToleranceError(DomainError):
    code: ClassVar[str] = "unknown-tolerance"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = (
        "There is no tolerance {grade!r}. Give an ISO 286 grade (IT1 to IT18), an ISO 2768-1 class"
        " (f, m, c or v), or a ± value in µm."
    )
    zh: ClassVar[str] = (
        "没有公差等级 {grade!r}。请给出 ISO 286 等级（IT1 至 IT18）、ISO 2768-1 等级"
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


class ToleranceTooFineError(DomainError):
    code: ClassVar[str] = "tolerance-too-fine"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = (
        "{grade} at {nominal_mm:g} mm is ±{limit_um:g} µm, and tolerances are matched in whole µm;"
        " ask for a coarser grade or ±1 µm, and state the rest in the documents."
    )
    zh: ClassVar[str] = (
        "{grade} 在 {nominal_mm:g} mm 处为 ±{limit_um:g} µm，而公差按整 µm 匹配；"
        "请选用较粗等级或 ±1 µm，其余要求写入文件。"
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
            ToleranceTooFineError: it is less than 1 µm.
        """
        covered = self.from_mm <= nominal_mm <= self.up_to_mm[-1] and nominal_mm > 0
        limit = self.limit_um[grade][bisect_left(self.up_to_mm, nominal_mm)] if covered else None
        if limit is None:
            raise ToleranceSizeError(
                grade=grade, nominal_mm=nominal_mm, from_mm=self.from_mm, to_mm=self.up_to_mm[-1]
            )
        if limit < 1:
            raise ToleranceTooFineError(grade=grade, nominal_mm=nominal_mm, limit_um=limit)
        return int(limit)


def finest_grade(
    tables: Sequence[ToleranceTable], plus_minus_um: int, nominal_mm: float
) -> str | None:
    """The finest ISO 286 grade that ``plus_minus_um`` stays within at a size, if any does."""
    table = next(one for one in tables if any(map(_is_iso_286, one.limit_um)))
    limits = dict[str, int]()
    for grade in filter(_is_iso_286, table.limit_um):
        with suppress(ToleranceSizeError, ToleranceTooFineError):
            limits[grade] = table.plus_minus_um(grade, nominal_mm)
    wide_enough = (grade for grade, limit in limits.items() if limit >= plus_minus_um)
    return min(wide_enough, key=limits.__getitem__, default=None)


def _is_iso_286(grade: str) -> bool:
    return grade.startswith("IT")


def plus_minus_um(tables: Sequence[ToleranceTable], grade: str, nominal_mm: float) -> int:
    """Look ``grade`` up in the first of ``tables`` that has it.

    Raises:
        UnknownToleranceError: no table has it.
        ToleranceSizeError: it has no value for this size.
        ToleranceTooFineError: it is less than 1 µm there.
    """
    for table in tables:
        for spelling in (grade.strip().upper(), grade.strip().lower()):
            if spelling in table.limit_um:
                return table.plus_minus_um(spelling, nominal_mm)
    raise UnknownToleranceError(grade=grade)
