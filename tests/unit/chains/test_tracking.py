"""Records of a product: what may follow what, and that nothing can be changed unseen."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.chains.domain.orders import ChainOrder, Promise
from marketplace.chains.domain.tracking import (
    RECORDS_MAX,
    NotMadeYetError,
    ProductRetiredError,
    Record,
    RecordKind,
    RecordsFullError,
    broken_at,
    check_next,
    record_sha256,
)
from services.contracts.ids import OrganisationId

NOW = datetime(2026, 3, 2, tzinfo=UTC)
PRODUCT, SPACE, FIRM = UUID(int=1), UUID(int=2), OrganisationId(UUID(int=3))
FACTS = st.dictionaries(st.text("abc", min_size=1, max_size=3), st.text(max_size=8), max_size=3)


def chain(facts: list[dict[str, str]]) -> list[Record]:
    records: list[Record] = []
    for position, said in enumerate(facts, start=1):
        kind = RecordKind.MADE if position == 1 else RecordKind.MEASURED
        prior = records[-1].sha256 if records else None
        sha256 = record_sha256(
            product_id=PRODUCT,
            organisation_id=FIRM,
            position=position,
            kind=kind,
            facts=said,
            created_at=NOW,
            prior_sha256=prior,
        )
        records.append(
            Record(
                UUID(int=position), FIRM, SPACE, PRODUCT, position, kind, said, NOW, prior, sha256
            )
        )
    return records


@given(st.lists(FACTS, min_size=1, max_size=5))
def test_records_as_they_were_written_agree(facts: list[dict[str, str]]) -> None:
    assert broken_at(chain(facts)) is None


@given(st.lists(FACTS, min_size=2, max_size=5), st.data())
def test_a_changed_or_left_out_record_is_found(
    facts: list[dict[str, str]], data: st.DataObject
) -> None:
    records = chain(facts)
    place = data.draw(st.integers(0, len(records) - 2))
    changed = list(records)
    changed[place] = replace(records[place], facts={**records[place].facts, "z": "1"})

    assert broken_at(changed) == place + 1
    assert broken_at(records[:place] + records[place + 1 :]) == place + 1


def test_records_begin_with_made_and_end_with_retired() -> None:
    (made,) = chain([{}])

    check_next(PRODUCT, RecordKind.MADE, None)
    check_next(PRODUCT, RecordKind.SHIPPED, made)
    with pytest.raises(NotMadeYetError):
        check_next(PRODUCT, RecordKind.SHIPPED, None)
    with pytest.raises(NotMadeYetError):
        check_next(PRODUCT, RecordKind.MADE, made)
    with pytest.raises(ProductRetiredError):
        check_next(PRODUCT, RecordKind.SERVICED, replace(made, kind=RecordKind.RETIRED))
    with pytest.raises(RecordsFullError):
        check_next(PRODUCT, RecordKind.SERVICED, replace(made, position=RECORDS_MAX))


@pytest.mark.parametrize(
    ("needed", "accepted", "now", "promise"),
    [
        (None, None, 0, Promise.NONE),
        (1, None, 1, Promise.OPEN),
        (1, None, 2, Promise.BROKEN),
        (1, 1, 5, Promise.KEPT),
        (1, 2, 5, Promise.BROKEN),
    ],
)
def test_a_promise_is_judged_by_when_the_order_was_accepted(
    needed: int | None, accepted: int | None, now: int, promise: Promise
) -> None:
    def day(number: int | None) -> datetime | None:
        return None if number is None else NOW + timedelta(days=number)

    order = ChainOrder(
        id=UUID(int=1),
        organisation_id=FIRM,
        supplier_id=OrganisationId(UUID(int=4)),
        space_id=SPACE,
        order_id=UUID(int=5),
        state="awarded",
        at_risk=False,
        needed_by=day(needed),
        linked_at=NOW,
        updated_at=NOW,
        accepted_at=day(accepted),
    )

    assert order.promise(NOW + timedelta(days=now)) is promise
