"""The steps of a notice's life."""

from uuid import UUID

from services.contracts.policies import Action
from services.risk.handlers import drafting, releasing
from services.risk.schemas import NoticeOut, StepIn, WithdrawalIn
from services.runtime.routing import api_router
from services.runtime.web import ActingDep, ClockDep, SessionDep, requires

router = api_router(prefix="/risk/notices/{notice_id}", tags=["risk"])


@router.post("/submit", dependencies=[requires(Action.RISK_NOTICE_SUBMIT)])
def submit_risk_notice(
    notice_id: UUID, asked: StepIn, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> NoticeOut:
    """Hand a draft over for release; content and addressees are fixed from here."""
    notice = drafting.submit(
        session=session, clock=clock, acting=acting, notice_id=notice_id, version=asked.version
    )
    return NoticeOut.of(notice)


@router.post("/return", dependencies=[requires(Action.RISK_NOTICE_APPROVE)])
def return_risk_notice(
    notice_id: UUID, asked: StepIn, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> NoticeOut:
    """Give a submitted notice back to its authors."""
    notice = releasing.send_back(
        session=session, clock=clock, acting=acting, notice_id=notice_id, version=asked.version
    )
    return NoticeOut.of(notice)


@router.post("/approve", dependencies=[requires(Action.RISK_NOTICE_APPROVE)])
def approve_risk_notice(
    notice_id: UUID, asked: StepIn, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> NoticeOut:
    """The first of the two steps of a release, by somebody who did not write it."""
    notice = releasing.approve(
        session=session, clock=clock, acting=acting, notice_id=notice_id, version=asked.version
    )
    return NoticeOut.of(notice)


@router.post("/release", dependencies=[requires(Action.RISK_NOTICE_RELEASE)])
def release_risk_notice(
    notice_id: UUID, asked: StepIn, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> NoticeOut:
    """The second step, by a third person; delivery follows when the embargo is over."""
    notice = releasing.release(
        session=session, clock=clock, acting=acting, notice_id=notice_id, version=asked.version
    )
    return NoticeOut.of(notice)


@router.post("/withdraw", dependencies=[requires(Action.RISK_NOTICE_WITHDRAW)])
def withdraw_risk_notice(
    notice_id: UUID, asked: WithdrawalIn, session: SessionDep, clock: ClockDep, acting: ActingDep
) -> NoticeOut:
    """Take a notice back; those who have it read that, and why."""
    notice = releasing.withdraw(
        session=session,
        clock=clock,
        acting=acting,
        notice_id=notice_id,
        version=asked.version,
        reason=asked.reason,
    )
    return NoticeOut.of(notice)
