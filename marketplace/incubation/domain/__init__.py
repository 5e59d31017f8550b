"""What incubation decides: the life of a team, and what an investor may be shown of it."""

from marketplace.incubation.domain.introduction import (
    DOCUMENTS_MAX,
    LIFE,
    ConsentTimeError,
    Figure,
    FigureKind,
    Introduction,
    IntroductionMovedError,
    IntroductionState,
    Move,
    Shown,
    Side,
    Source,
    check_expiry,
    figures,
    is_in_force,
    moved,
)
from marketplace.incubation.domain.team import (
    TEXT_MAX,
    TITLE_MAX,
    Approval,
    Fact,
    FactKind,
    Milestone,
    MilestoneMovedError,
    MilestoneState,
    NotGraduatedError,
    Programme,
    SurvivalTimeError,
    Team,
    TeamMovedError,
    TeamState,
    check_survival,
    ended,
    milestone_moved,
)

__all__ = [
    "DOCUMENTS_MAX", "LIFE", "TEXT_MAX", "TITLE_MAX", "Approval", "ConsentTimeError", "Fact",
    "FactKind", "Figure", "FigureKind", "Introduction", "IntroductionMovedError",
    "IntroductionState", "Milestone", "MilestoneMovedError", "MilestoneState", "Move",
    "NotGraduatedError", "Programme", "Shown", "Side", "Source", "SurvivalTimeError", "Team",
    "TeamMovedError", "TeamState", "check_expiry", "check_survival", "ended", "figures",
    "is_in_force", "milestone_moved", "moved",
]  # fmt: skip
