"""Profit shares (收益分成): members with stakes, and splitting to the last minor unit."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import ClassVar, Final
from uuid import UUID

from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OrganisationId

MEMBERS_MAX: Final = 50
WHOLE: Final = 10_000
"""Basis points of the whole: stakes of a rule add up to it."""
NAME_MAX: Final = 200


class ShareRuleInvalidError(DomainError):
    code: ClassVar[str] = "share-rule-invalid"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "This share rule cannot be kept: {en}; change members and retry."
    zh: ClassVar[str] = "无法保存该分成规则：{zh}；请修改 members 后重试。"


@dataclass(frozen=True, slots=True)
class ShareMember:
    """An organisation and its stake in basis points."""

    organisation_id: OrganisationId
    stake: int


@dataclass(frozen=True, slots=True)
class ShareRule:
    """Of ``organisation_id``, who leads. It never changes: new stakes are a new rule."""

    id: UUID
    organisation_id: OrganisationId
    name: str
    members: tuple[ShareMember, ...]
    created_at: datetime


def check_members(members: Sequence[ShareMember]) -> None:
    """Let a whole pass.

    Raises:
        ShareRuleInvalidError: nobody, too many, somebody twice, or stakes that are no whole.
    """
    total = sum(member.stake for member in members)
    ids = {member.organisation_id for member in members}
    checks = (
        (0 < len(members) <= MEMBERS_MAX, f"it has 1 to {MEMBERS_MAX} members",
         f"成员数须为 1 至 {MEMBERS_MAX}"),
        (len(ids) == len(members), "a member stands in it twice", "成员重复"),
        (all(member.stake > 0 for member in members), "a stake is not positive", "份额须为正"),
        (total == WHOLE, f"stakes add up to {total} basis points, not to {WHOLE}",
         f"份额合计为 {total} 个基点，而非 {WHOLE}"),
    )  # fmt: skip
    for holds, en, zh in checks:
        if not holds:
            raise ShareRuleInvalidError(en=en, zh=zh)


def split(minor: int, stakes: Sequence[int]) -> tuple[int, ...]:
    """Share ``minor`` by ``stakes``; the parts add up to it exactly.

    Largest remainder (Hamilton): everybody gets the whole units of the own part, the units left go
    one each to the largest remainders, of equal ones to who stands first.

    Raises:
        ValueError: less than nothing is split, or among nobody with a stake.
    """
    whole = sum(stakes)
    if minor < 0 or whole <= 0 or any(stake < 0 for stake in stakes):
        raise ValueError(f"cannot split {minor} by {list(stakes)}")
    exact = [Fraction(minor * stake, whole) for stake in stakes]
    parts = [int(part) for part in exact]
    left = minor - sum(parts)
    by_remainder = sorted(range(len(parts)), key=lambda place: (parts[place] - exact[place], place))
    for place in by_remainder[:left]:
        parts[place] += 1
    return tuple(parts)
