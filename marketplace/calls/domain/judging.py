"""Judging (评审): who may judge what, what a score is worth, and the ranking with its trace."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from fractions import Fraction
from math import floor
from typing import ClassVar, Final
from uuid import UUID

from marketplace.calls.domain.call import Community, Criterion, Rules
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.ids import OrganisationId

COMMENT_MAX: Final = 5_000
FULL: Final = 100_000
"""A perfect score, in thousandths of a point of 100."""


class ReviewState(StrEnum):
    ASSIGNED = "assigned"
    DECLINED = "declined"
    """The juror declared a conflict of interest; somebody else is to judge."""
    REPLACED = "replaced"
    """Declined, and somebody else was asked as far as there was anybody."""
    DONE = "done"


GIVEN_UP: Final = frozenset({ReviewState.DECLINED, ReviewState.REPLACED})


class ConflictKind(StrEnum):
    SAME_ORGANISATION = "same-organisation"
    SAME_PARK = "same-park"
    SAME_SPACE = "same-space"
    DECLARED = "declared"


class ScoresInvalidError(DomainError):
    code: ClassVar[str] = "scores-invalid"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "The scores do not fit the criteria: {en}."
    zh: ClassVar[str] = "评分与评分项不符：{zh}。"


@dataclass(frozen=True, slots=True)
class Ties:
    """What somebody belongs to: organisations, and the communities those are in."""

    organisations: frozenset[OrganisationId]
    parks: frozenset[str] = frozenset()
    spaces: frozenset[UUID] = frozenset()


@dataclass(frozen=True, slots=True)
class Review:
    """What one juror is asked to judge. ``scores`` by criterion, once it is done."""

    id: UUID
    organisation_id: OrganisationId
    """Whose call it is."""
    call_id: UUID
    paper_id: UUID
    person_id: UUID
    state: ReviewState
    assigned_at: datetime
    decided_at: datetime | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Scored:
    """A review that is in: points by criterion, and what the juror says."""

    review_id: UUID
    paper_id: UUID
    scores: Mapping[str, int]
    comment: str


@dataclass(frozen=True, slots=True)
class Placing:
    """Where a paper comes out. ``score`` of ``FULL``; ``trace``: the steps that lead to it."""

    paper_id: UUID
    rank: int
    score: int
    trace: tuple[str, ...]


def conflict(
    juror: Ties, submitter: Ties, communities: Collection[Community]
) -> ConflictKind | None:
    """What keeps a juror from judging a submitter, if anything."""
    if juror.organisations & submitter.organisations:
        return ConflictKind.SAME_ORGANISATION
    if Community.PARK in communities and juror.parks & submitter.parks:
        return ConflictKind.SAME_PARK
    if Community.SPACE in communities and juror.spaces & submitter.spaces:
        return ConflictKind.SAME_SPACE
    return None


def assign(
    papers: Mapping[UUID, Ties],
    jurors: Mapping[UUID, Ties],
    asked: Collection[tuple[UUID, UUID]],
    judging: Collection[tuple[UUID, UUID]],
    rules: Rules,
) -> list[tuple[UUID, UUID]]:
    """Pairs of paper and juror still to be asked, so that each paper has ``rules.reviewers``.

    Args:
        papers: admitted papers, by who submitted them.
        jurors: by what they belong to.
        asked: pairs asked before, declined ones too: nobody is asked twice.
        judging: those of ``asked`` that count.
        rules: of the call.

    Whoever has least to judge comes first, then the lower id, so the same jury is always asked
    the same. A paper whose jurors all are in conflict gets fewer.
    """
    load = {juror: sum(one == juror for _, one in judging) for juror in jurors}
    chosen = list[tuple[UUID, UUID]]()
    for paper in sorted(papers):
        missing = rules.reviewers - sum(one == paper for one, _ in judging)
        free = [
            juror
            for juror, ties in jurors.items()
            if (paper, juror) not in asked
            and conflict(ties, papers[paper], rules.conflicts) is None
        ]
        for juror in sorted(free, key=lambda one: (load[one], one))[: max(missing, 0)]:
            chosen.append((paper, juror))
            load[juror] += 1
    return chosen


def check_scores(criteria: Sequence[Criterion], scores: Mapping[str, int]) -> None:
    """Let scores pass that answer every criterion within its bounds.

    Raises:
        ScoresInvalidError: one is missing, unknown or out of bounds.
    """
    known = {one.key: one for one in criteria}
    if known.keys() != scores.keys():
        differing = ", ".join(sorted(known.keys() ^ scores.keys()))
        raise ScoresInvalidError(
            en=f"missing or unknown: {differing}", zh=f"缺少或未知：{differing}"
        )
    for key, points in scores.items():
        if not 0 <= points <= known[key].most:
            raise ScoresInvalidError(
                en=f"{key} is 0 to {known[key].most}, not {points}",
                zh=f"{key} 应为 0 至 {known[key].most}，而非 {points}",
            )


def worth(criteria: Sequence[Criterion], scores: Mapping[str, int]) -> Fraction:
    """The weighted share of all points, 0 to 1."""
    whole = sum(one.weight for one in criteria)
    return Fraction(
        sum(Fraction(one.weight * scores[one.key], one.most) for one in criteria), whole
    )


def rank(criteria: Sequence[Criterion], done: Sequence[Scored]) -> list[Placing]:
    """Papers by the mean of their reviews, best first; equal means share a rank."""
    by_paper: dict[UUID, list[Scored]] = {}
    for review in done:
        by_paper.setdefault(review.paper_id, []).append(review)
    means = {
        paper: sum((worth(criteria, one.scores) for one in reviews), Fraction()) / len(reviews)
        for paper, reviews in by_paper.items()
    }
    order = sorted(means, key=lambda paper: (-means[paper], paper))
    return [
        Placing(
            paper,
            1 + sum(other > means[paper] for other in means.values()),
            points(means[paper]),
            _trace(criteria, by_paper[paper], means[paper]),
        )
        for paper in order
    ]


def points(share: Fraction) -> int:
    """A share of all points in thousandths of a point of 100, rounded half up."""
    return floor(share * FULL + Fraction(1, 2))


def shown(thousandths: int) -> str:
    """Points as people write them, e.g. ``83.333``."""
    return f"{thousandths // 1_000}.{thousandths % 1_000:03}"


def _trace(
    criteria: Sequence[Criterion], reviews: Sequence[Scored], mean: Fraction
) -> tuple[str, ...]:
    lines = []
    for one in criteria:
        given = [review.scores[one.key] for review in reviews]
        lines.append(f"{one.key}: {' '.join(map(str, given))} of {one.most}, weight {one.weight}")
    each = ", ".join(shown(points(worth(criteria, one.scores))) for one in reviews)
    return (*lines, f"reviews: {each}", f"mean of {len(reviews)}: {shown(points(mean))}")
