"""Use cases of programmes: applying, and what follows an award."""

from marketplace.programmes.handlers.applying import (
    ApplicationNotFoundError,
    ApplicationStateError,
    NoProgrammeError,
    ProgrammeRunsError,
    apply,
    draft,
    edit,
    figures_of,
    file,
    get_application,
    get_programme,
    list_applications,
    list_recommendations,
    programme_of,
    recommend,
    recommended,
    run_programme,
)

__all__ = [
    "ApplicationNotFoundError", "ApplicationStateError", "NoProgrammeError", "ProgrammeRunsError",
    "apply", "draft", "edit", "figures_of", "file", "get_application", "get_programme",
    "list_applications", "list_recommendations", "programme_of", "recommend", "recommended",
    "run_programme",
]  # fmt: skip
