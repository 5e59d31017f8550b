"""Books in a transaction that is rolled back."""

import pytest
from sqlmodel import Session

from tests.integration.ledger.books import Books, found_books
from tests.support.clock import FrozenClock


@pytest.fixture
def books(session: Session, clock: FrozenClock) -> Books:
    return found_books(session, clock)
