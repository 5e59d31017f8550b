"""Use cases of calls that people ask for; time's are the worker's: ``marketplace.calls.moving``."""

from marketplace.calls.handlers.appeals import (
    AppealNotFoundError,
    PaperUnknownError,
    appeal,
    decide_appeal,
    get_appeal,
    list_appeals,
    list_awards,
    list_notices,
    next_notice,
)
from marketplace.calls.handlers.calls import (
    CallNotFoundError,
    JurorNotFoundError,
    appoint,
    dismiss,
    end_stage,
    find_own,
    get_call,
    list_calls,
    list_jurors,
    open_call,
)
from marketplace.calls.handlers.reviews import (
    ReviewDecidedError,
    ReviewNotFoundError,
    decline,
    get_review,
    list_reviews,
    others,
    score,
)
from marketplace.calls.handlers.submissions import (
    PaperNotFoundError,
    SubmissionNotFoundError,
    draft,
    edit,
    get_paper,
    get_submission,
    list_papers,
    list_submissions,
    list_versions,
    paper_of,
    screen,
    submit,
    withdraw,
)

__all__ = [
    "AppealNotFoundError", "CallNotFoundError", "JurorNotFoundError",
    "PaperNotFoundError", "PaperUnknownError", "ReviewDecidedError", "ReviewNotFoundError",
    "SubmissionNotFoundError", "appeal", "appoint", "decide_appeal", "decline", "dismiss", "draft",
    "edit", "end_stage", "find_own", "get_appeal", "get_call", "get_paper", "get_review",
    "get_submission", "list_appeals", "list_awards", "list_calls", "list_jurors",
    "list_notices", "list_papers", "list_reviews", "list_submissions", "list_versions",
    "next_notice", "open_call", "others", "paper_of", "score", "screen", "submit", "withdraw",
]  # fmt: skip
