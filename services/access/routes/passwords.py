"""Changing and resetting passwords."""

import structlog
from fastapi import BackgroundTasks

from services.access.handlers import signing_in
from services.access.handlers.attempts import TooManyTriesError
from services.access.handlers.composition import Access
from services.access.routes.opening import AccessDep, PersonDep, counted_by_address
from services.access.schemas import PasswordIn, ResetAskIn, ResetIn
from services.contracts.policies import Action
from services.identity.domain import normal_email
from services.runtime.routing import api_router
from services.runtime.web import requires

router = api_router(tags=["access"])
log = structlog.get_logger(__name__)


@router.put("/password", status_code=204, dependencies=[requires(Action.PASSWORD_CHANGE)])
def change_password(asked: PasswordIn, access: AccessDep, person: PersonDep) -> None:
    """Change your password; every other session ends."""
    signing_in.set_password(
        access=access,
        person_id=person.person_id,
        current=asked.current.get_secret_value(),
        new=asked.new.get_secret_value(),
        keep=person.session_id,
    )


@router.post(
    "/password/reset-requests",
    status_code=202,
    dependencies=[requires(Action.PASSWORD_RESET), counted_by_address],
)
def ask_for_reset(asked: ResetAskIn, access: AccessDep, background: BackgroundTasks) -> None:
    """Ask for a reset code. The answer is the same whether the address is known or not."""
    normal_email(asked.email)
    background.add_task(_ask, access, asked.email)


def _ask(access: Access, email: str) -> None:
    """After the answer, so that its time tells nothing."""
    try:
        signing_in.ask_for_reset(access=access, email=email)
    except TooManyTriesError as refused:
        log.info("reset not sent", cause=str(refused))


@router.post(
    "/password/resets",
    status_code=204,
    dependencies=[requires(Action.PASSWORD_RESET), counted_by_address],
)
def reset_password(asked: ResetIn, access: AccessDep) -> None:
    """Set a new password by a reset code; every session ends."""
    signing_in.reset_password(
        access=access, token=asked.token.get_secret_value(), new=asked.new.get_secret_value()
    )
