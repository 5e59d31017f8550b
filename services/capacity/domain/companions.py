"""Joint resources (联合占用): which may accompany which, and when all of them are free."""

from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import ClassVar

from services.capacity.domain.gaps import Gap, Provenance, SlotTakenError
from services.capacity.domain.resource import COMPANIONS_MAX, Companion, Resource
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import ResourceId
from services.contracts.intervals import Interval


class InvalidCompanionError(DomainError):
    code: ClassVar[str] = "invalid-companion"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "Resource {name!r} cannot need {companion}: {en}."
    zh: ClassVar[str] = "资源 {name!r} 不能联合占用 {companion}：{zh}。"


class CompanionTakenError(SlotTakenError):
    code: ClassVar[str] = "companion-taken"
    en: ClassVar[str] = (
        "Resource {resource_id} needs {units} unit(s) of {companion_id} too, which are not free"
        " from {start} to {end}; choose another of its gaps."
    )
    zh: ClassVar[str] = (
        "资源 {resource_id} 还需联合占用 {companion_id} 的 {units} 个单元，"
        "其在 {start} 至 {end} 不空闲；请选择其他空闲时段。"
    )


def check_companions(
    resource: Resource, known: Mapping[ResourceId, Resource], *, accompanies: Collection[str]
) -> None:
    """Refuse companions that could never be booked along.

    Args:
        resource: with the companions wanted.
        known: resources of its organisation among them.
        accompanies: names of resources that ``resource`` itself is a companion of.

    Raises:
        InvalidCompanionError: too many, named twice, strange, short of units, or with companions
            of their own: they reach one level deep.
    """
    problem = _crowd_problem(resource, accompanies)
    for companion in resource.companions:
        problem = problem or _problem(resource, companion, known.get(companion.resource_id))
    if problem is not None:
        companion_id, en, zh = problem
        raise InvalidCompanionError(name=resource.name, companion=companion_id, en=en, zh=zh)


def _crowd_problem(
    resource: Resource, accompanies: Collection[str]
) -> tuple[object, str, str] | None:
    ids = [companion.resource_id for companion in resource.companions]
    if len(ids) > COMPANIONS_MAX:
        return (
            f"{len(ids)} others",
            f"at most {COMPANIONS_MAX} can be needed",
            f"最多 {COMPANIONS_MAX} 个",
        )
    for one in ids:
        if ids.count(one) > 1:
            return one, "it is named twice; give its units once", "重复；请合并其单元数"
    if ids and accompanies:
        return (
            ids[0],
            f"it is itself needed by {min(accompanies)!r}; companions reach one level deep",
            f"其自身已被 {min(accompanies)!r} 联合占用；联合占用只有一层",
        )
    return None


def _problem(
    resource: Resource, companion: Companion, found: Resource | None
) -> tuple[object, str, str] | None:
    companion_id = companion.resource_id
    if companion_id == resource.id:
        return companion_id, "it is that resource itself", "不能是其自身"
    if found is None:
        return companion_id, "the organisation has no such resource", "本组织没有该资源"
    if found.companions:
        return (
            companion_id,
            "it needs others itself; companions reach one level deep",
            "其自身已有联合占用；联合占用只有一层",
        )
    if not 1 <= companion.units <= found.units:
        return (
            companion_id,
            f"{companion.units} units are asked of its {found.units}",
            f"要求 {companion.units} 个单元，其共有 {found.units} 个",
        )
    return None


def slot_taken(
    resource: Resource, member: Resource, interval: Interval, *, units: int
) -> SlotTakenError:
    """That ``member``, the resource or a companion of it, has no ``units`` left."""
    slot = {"start": interval.start.isoformat(), "end": interval.end.isoformat(), "units": units}
    if member.id == resource.id:
        return SlotTakenError(resource_id=resource.id, **slot)
    return CompanionTakenError(resource_id=resource.id, companion_id=member.id, **slot)


def joint_units(resource: Resource, companions: Mapping[ResourceId, Resource]) -> int:
    """The most units that can ever be booked at once."""
    limits = (
        companions[companion.resource_id].units // companion.units
        for companion in resource.companions
    )
    return min([resource.units, *limits])


def joint_gaps(
    own: Sequence[Gap], companions: Sequence[tuple[Sequence[Gap], int]], *, shortest: timedelta
) -> list[Gap]:
    """The part of ``own`` during which enough units of every companion are free as well.

    A booking of ``n`` units lies inside one gap of the result iff it lies inside one of ``own``,
    and inside one of each companion with ``n`` times the units needed. Free time is measured only
    if all of it is, and as old as the oldest of it.

    Args:
        own: gaps of the resource alone.
        companions: of each its gaps, and how many of its units one unit of the resource needs.
        shortest: time below this is not offered.
    """
    joint = list(own)
    for gaps, units in companions:
        joint = _undominated(_shared(joint, gaps, units))
    return [gap for gap in joint if gap.interval.duration >= shortest]


def _shared(own: Sequence[Gap], others: Sequence[Gap], units: int) -> Iterator[Gap]:
    waiting = deque(sorted(others, key=_start))
    for gap in sorted(own, key=_start):
        while waiting and waiting[0].interval.end <= gap.interval.start:
            waiting.popleft()
        for other in waiting:
            if other.interval.start >= gap.interval.end:
                break
            interval = gap.interval.intersection(other.interval)
            free = min(gap.free_units, other.free_units // units)
            if interval is not None and free:
                yield replace(
                    gap,
                    interval=interval,
                    free_units=free,
                    provenance=_together(gap.provenance, other.provenance),
                    age_s=_older(gap.age_s, other.age_s),
                )


def _start(gap: Gap) -> datetime:
    return gap.interval.start


def _together(one: Provenance, other: Provenance) -> Provenance:
    return one if one is other else Provenance.DECLARED


def _older(one: float | None, other: float | None) -> float | None:
    return max((age for age in (one, other) if age is not None), default=None)


def _undominated(gaps: Iterator[Gap]) -> list[Gap]:
    """Those that offer what no other does, by start."""
    kept: list[Gap] = []
    furthest: dict[int, datetime] = {}
    by_reach = sorted(gaps, key=lambda gap: (gap.interval.end, gap.free_units), reverse=True)
    for gap in sorted(by_reach, key=_start):
        end, units = gap.interval.end, gap.free_units
        if any(reach >= end for known, reach in furthest.items() if known >= units):
            continue
        kept.append(gap)
        furthest[units] = end
    return kept
