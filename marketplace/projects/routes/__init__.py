"""``/projects`` and ``/gigs``."""

from typing import Final

from fastapi import APIRouter

from marketplace.projects.routes import agreements, gigs, plans, pools, projects

ROUTERS: Final[tuple[APIRouter, ...]] = (
    projects.router,
    agreements.router,
    plans.router,
    gigs.router,
    pools.router,
)
