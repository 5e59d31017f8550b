"""``/accounts``, ``/cost-centres``, ``/internal-bookings``: own books and moving within them."""

from itertools import accumulate
from typing import Annotated, ClassVar
from uuid import UUID

from fastapi import Query, Response

from services.contracts.documents import Instant
from services.contracts.errors import DomainError, ErrorKind
from services.contracts.intervals import Interval
from services.contracts.money import Money
from services.contracts.policies import Action
from services.ledger import handlers
from services.ledger.domain import AccountKind, Subject
from services.ledger.domain.accounts import INTERNAL_KINDS
from services.ledger.domain.books import Statement
from services.ledger.schemas import (
    AccountOut,
    CostCentreIn,
    EntryOut,
    InternalBookingIn,
    InternalBookingOut,
    StatementOut,
)
from services.runtime.routing import api_router
from services.runtime.tabular import ListFormat, Page, PageDep, file_response
from services.runtime.web import ActingDep, ClockDep, CreationDep, SessionDep, requires

router = api_router(tags=["ledger"])


class PeriodInvalidError(DomainError):
    code: ClassVar[str] = "period-invalid"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "A period must end after it starts: {start} to {end}."
    zh: ClassVar[str] = "期间的结束须晚于开始：{start} 至 {end}。"


@router.get(
    "/accounts", response_model=Page[AccountOut], dependencies=[requires(Action.ACCOUNT_READ)]
)
def list_accounts(
    session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[AccountOut] | Response:
    """Own accounts with their balances: wallets, tax, what is owed, escrows paid into."""
    found = handlers.list_accounts(
        session=session,
        organisation_id=acting.organisation_id,
        after=page.after,
        limit=page.fetch,
    )
    return page.answer(found, AccountOut.of_kept, name="accounts")


@router.get("/accounts/{account_id}", dependencies=[requires(Action.ACCOUNT_READ)])
def read_account(account_id: UUID, session: SessionDep, acting: ActingDep) -> AccountOut:
    """One own account with its balance."""
    found = handlers.get_account(
        session=session, organisation_id=acting.organisation_id, account_id=account_id
    )
    return AccountOut.of_kept(found)


@router.get(
    "/accounts/{account_id}/statement",
    response_model=StatementOut,
    dependencies=[requires(Action.ACCOUNT_READ)],
)
def read_statement(
    account_id: UUID,
    start: Annotated[Instant, Query()],
    end: Annotated[Instant, Query(description="not included")],
    session: SessionDep,
    acting: ActingDep,
    format: Annotated[  # noqa: A002 - as every list calls it
        ListFormat, Query(description="csv, xlsx: the entries as a file")
    ] = ListFormat.JSON,
) -> StatementOut | Response:
    """Every entry of a period, explained, between the balance before and after."""
    if start >= end:
        raise PeriodInvalidError(start=start, end=end)
    told = handlers.statement(
        session=session,
        organisation_id=acting.organisation_id,
        account=account_id,
        period=Interval(start, end),
    )
    lines = _lines(told)
    if format is not ListFormat.JSON:
        return file_response(lines, name="statement", kind=format)
    return StatementOut(
        account=AccountOut.of_kept(told.account),
        start=start,
        end=end,
        opening_minor=told.opening.minor,
        closing_minor=told.closing.minor,
        is_whole=told.is_whole,
        entries=lines,
    )


def _lines(told: Statement) -> list[EntryOut]:
    amounts = (entry.amount.minor for entry in told.entries)
    balances = list(accumulate(amounts, initial=told.opening.minor))[1:]
    return [
        EntryOut.of(entry, balance) for entry, balance in zip(told.entries, balances, strict=True)
    ]


@router.post(
    "/cost-centres",
    status_code=201,
    response_model=AccountOut,
    dependencies=[requires(Action.COST_CENTRE_OPEN)],
)
def open_cost_centre(
    asked: CostCentreIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """Open a cost centre or team that internal bookings are charged to."""

    def work() -> AccountOut:
        opened = handlers.open_internal_account(
            session=session,
            clock=clock,
            organisation_id=acting.organisation_id,
            kind=AccountKind(asked.kind),
            code=asked.code,
            name=asked.name,
            currency=asked.currency,
        )
        return AccountOut.of_kept(opened)

    return creation.once(asked, work)


@router.get(
    "/cost-centres", response_model=Page[AccountOut], dependencies=[requires(Action.ACCOUNT_READ)]
)
def list_cost_centres(
    session: SessionDep, page: PageDep, acting: ActingDep
) -> Page[AccountOut] | Response:
    """Own cost centres and teams with what was charged to them."""
    found = handlers.list_accounts(
        session=session,
        organisation_id=acting.organisation_id,
        kinds=sorted(INTERNAL_KINDS),
        after=page.after,
        limit=page.fetch,
    )
    return page.answer(found, AccountOut.of_kept, name="cost-centres")


@router.post(
    "/internal-bookings",
    status_code=201,
    response_model=InternalBookingOut,
    dependencies=[requires(Action.INTERNAL_BOOK)],
)
def book_internally(
    asked: InternalBookingIn,
    session: SessionDep,
    clock: ClockDep,
    creation: CreationDep,
    acting: ActingDep,
) -> Response:
    """Charge one own cost centre or team to another, once per ``fact_id``."""

    def work() -> InternalBookingOut:
        is_new = handlers.book_internally(
            session=session,
            clock=clock,
            organisation_id=acting.organisation_id,
            source=asked.source,
            target=asked.target,
            amount=Money(asked.amount_minor, asked.currency),
            because=asked.because,
            subject=Subject(asked.subject_kind, asked.subject_id),
            fact_id=asked.fact_id,
        )
        return InternalBookingOut(fact_id=asked.fact_id, is_new=is_new)

    return creation.once(asked, work)
