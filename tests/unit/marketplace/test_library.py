"""Licence terms say what they must; a licence opens what it is for, and while it is."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.library.domain import (
    DownloadsInvalidError,
    Item,
    ItemState,
    ItemStateError,
    ItemVersionMismatchError,
    LicenceClosedError,
    LicenceState,
    Terms,
    TermsIncompleteError,
    TermsKind,
    activated,
    check_open,
    check_revision,
    edited,
    ended,
    granted,
)
from services.capacity.domain import Visibility
from services.contracts.ids import OrganisationId
from services.contracts.money import Money

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
FREE = Terms(TermsKind.FREE, attribution="Us 2026")
EACH = Terms(TermsKind.PER_DOWNLOAD, Money(500))
YEAR = Terms(TermsKind.PER_TERM, Money(9_000), days=365)
ITEM = Item(
    id=UUID(int=1),
    organisation_id=OrganisationId(UUID(int=2)),
    direction=3,
    kind="model",
    title="Model",
    title_zh="模型",
    abstract="",
    abstract_zh="",
    terms=FREE,
    visibility=Visibility.PUBLIC,
    state=ItemState.PUBLISHED,
    revision=1,
    created_at=NOW,
    updated_at=NOW,
)
LICENSEE = OrganisationId(UUID(int=3))


@pytest.mark.parametrize("terms", [FREE, EACH, YEAR])
def test_terms_that_are_whole_pass(terms: Terms) -> None:
    terms.check()


@pytest.mark.parametrize(
    "terms",
    [
        Terms(TermsKind.FREE),
        replace(FREE, fee=Money(1)),
        replace(FREE, days=1),
        replace(EACH, fee=None),
        replace(EACH, days=1),
        replace(YEAR, days=None),
        replace(YEAR, fee=None),
    ],
)
def test_terms_that_lack_something_or_say_too_much_are_refused(terms: Terms) -> None:
    with pytest.raises(TermsIncompleteError):
        terms.check()


@given(
    terms=st.sampled_from([FREE, EACH, YEAR]),
    downloads=st.none() | st.integers(1, 5),
    used=st.integers(0, 5),
    days=st.integers(0, 400),
)
def test_a_licence_opens_if_and_only_if_it_is_paid_in_time_and_not_used_up(
    terms: Terms, downloads: int | None, used: int, days: int
) -> None:
    item = replace(ITEM, terms=terms)
    asked = {"licence_id": UUID(int=9), "organisation_id": LICENSEE, "downloads": downloads}
    if (downloads is None) is (terms is EACH):
        with pytest.raises(DownloadsInvalidError):
            granted(item, now=NOW, **asked)  # type: ignore[arg-type]
        return
    licence = granted(item, now=NOW, **asked)  # type: ignore[arg-type]
    assert (licence.state is LicenceState.ACTIVE) is (terms is FREE)
    if terms is not FREE:
        with pytest.raises(LicenceClosedError):
            check_open(licence, now=NOW)
        licence = activated(licence, now=NOW)
    licence = replace(licence, used=used)
    over = (terms is YEAR and days >= 365) or (downloads is not None and used >= downloads)
    if over:
        with pytest.raises(LicenceClosedError):
            check_open(licence, now=NOW + timedelta(days=days))
    else:
        check_open(licence, now=NOW + timedelta(days=days))
    with pytest.raises(LicenceClosedError):
        check_open(ended(licence, now=NOW), now=NOW)


def test_downloads_are_paid_for_together() -> None:
    licence = granted(
        replace(ITEM, terms=EACH),
        licence_id=UUID(int=9),
        organisation_id=LICENSEE,
        downloads=3,
        now=NOW,
    )

    assert licence.price == Money(1_500)


@pytest.mark.parametrize("state", [ItemState.DRAFT, ItemState.WITHDRAWN])
def test_only_what_is_published_is_licensed(state: ItemState) -> None:
    with pytest.raises(ItemStateError):
        granted(
            replace(ITEM, state=state),
            licence_id=UUID(int=9),
            organisation_id=LICENSEE,
            downloads=None,
            now=NOW,
        )


def test_a_change_is_based_on_the_newest_reading() -> None:
    said = {"title": "M", "title_zh": "模", "abstract": "", "abstract_zh": "", "attributes": {}}
    after = edited(ITEM, terms=YEAR, now=NOW, **said)  # type: ignore[arg-type]

    assert after.revision == 2
    with pytest.raises(ItemVersionMismatchError):
        check_revision(after, 1)
    check_revision(after, None)
    with pytest.raises(ItemStateError):
        edited(replace(ITEM, state=ItemState.WITHDRAWN), terms=YEAR, now=NOW, **said)  # type: ignore[arg-type]


def test_a_draft_is_told_to_nobody_else() -> None:
    assert replace(ITEM, state=ItemState.DRAFT).audience.visibility == "private"
    assert ITEM.audience.visibility == "public"
