"""The life of a notice, its addressing and its watermark, without a database."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts.access import Principal, PrincipalKind, Role
from services.contracts.ids import OrganisationId, PersonId
from services.risk.domain.addressing import Addressee, Addressing, Names, Recipient
from services.risk.domain.delivery import AlreadyAcknowledgedError, acknowledged, delivered
from services.risk.domain.notice import (
    TRANSITIONS,
    AddresseesMissingError,
    AlreadyApprovedError,
    NotApprovedError,
    Notice,
    NoticeContent,
    NoticeKind,
    NoticeSource,
    NoticeState,
    NoticeTransitionError,
    SecondPersonRequiredError,
    approved,
    released,
    returned,
    rewritten,
    submitted,
    superseded,
    withdrawn,
)
from services.risk.domain.rating import ACKNOWLEDGE_WITHIN, Rating, Severity
from services.risk.domain.tlp import HANDLING, OPEN, TO_CSAF, Tlp
from services.risk.domain.viewing import may_release
from services.risk.domain.watermark import Watermark
from services.risk.domain.wellformed import InvalidNoticeError, check_content

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
FIRM = OrganisationId(UUID(int=1))
PERSONS = [UUID(int=100 + number) for number in range(4)]
AUTHOR = PERSONS[0]


def content(tlp: Tlp = Tlp.CLEAR) -> NoticeContent:
    return NoticeContent("Title", "标题", NoticeKind.ADVISORY, Rating(Severity.HIGH), tlp)


def notice(tlp: Tlp = Tlp.CLEAR) -> Notice:
    return Notice(
        id=UUID(int=7),
        year=2026,
        serial=3,
        organisation_id=FIRM,
        content=content(tlp),
        state=NoticeState.DRAFT,
        source=NoticeSource.WRITTEN,
        authors=frozenset({AUTHOR}),
        created_at=NOW,
        updated_at=NOW,
    )


STEPS: dict[str, Callable[[Notice, UUID], Notice]] = {
    "submit": lambda one, by: submitted(one, by=by, now=NOW),
    "approve": lambda one, by: approved(one, by=by, now=NOW),
    "release": lambda one, by: released(one, by=by, now=NOW),
    "return": lambda one, _: returned(one, now=NOW),
    "rewrite": lambda one, by: rewritten(one, content(), by=by, now=NOW),
    "withdraw": lambda one, _: withdrawn(one, reason="wrong", now=NOW),
    "supersede": lambda one, _: superseded(one, now=NOW),
}
REFUSALS = (
    NoticeTransitionError,
    SecondPersonRequiredError,
    NotApprovedError,
    AlreadyApprovedError,
)


@given(st.lists(st.tuples(st.sampled_from(sorted(STEPS)), st.sampled_from(PERSONS)), max_size=25))
def test_no_way_leads_to_a_release_by_fewer_than_two_others(
    tried: list[tuple[str, UUID]],
) -> None:
    current = notice()
    for name, by in tried:
        try:
            changed = STEPS[name](current, by)
        except REFUSALS:
            continue
        assert changed.version == current.version + 1
        assert changed.authors >= current.authors
        assert changed.state is current.state or changed.state in TRANSITIONS[current.state]
        if current.state is not NoticeState.DRAFT:
            assert changed.content == current.content
        current = changed
    if current.released_by is not None:
        assert current.approved_by is not None
        assert current.approved_by != current.released_by
        assert not {current.approved_by, current.released_by} & current.authors
    assert (current.state is NoticeState.RELEASED) <= (current.released_by is not None)


def test_each_step_is_somebody_elses() -> None:
    _, submitter, approver, releaser = PERSONS
    handed = submitted(notice(), by=submitter, now=NOW)
    with pytest.raises(NotApprovedError):
        released(handed, by=releaser, now=NOW)
    for involved in (AUTHOR, submitter):
        with pytest.raises(SecondPersonRequiredError):
            approved(handed, by=involved, now=NOW)
    once = approved(handed, by=approver, now=NOW)
    for involved in (AUTHOR, submitter, approver):
        with pytest.raises(SecondPersonRequiredError):
            released(once, by=involved, now=NOW)
    assert released(once, by=releaser, now=NOW).released_by == releaser


@pytest.mark.parametrize("tlp", Tlp)
def test_only_open_labels_need_no_addressees(tlp: Tlp) -> None:
    if tlp in OPEN:
        assert submitted(notice(tlp), by=AUTHOR, now=NOW).state is NoticeState.SUBMITTED
    else:
        with pytest.raises(AddresseesMissingError):
            submitted(notice(tlp), by=AUTHOR, now=NOW)


def test_every_label_says_how_it_is_handled() -> None:
    assert HANDLING.keys() == TO_CSAF.keys() == set(Tlp)
    assert ACKNOWLEDGE_WITHIN.keys() == set(Severity)
    assert Tlp.AMBER_STRICT.label == "TLP:AMBER+STRICT"


def test_it_is_due_when_released_and_out_of_embargo() -> None:
    later = NOW + timedelta(days=1)
    one = replace(notice(), released_at=NOW)
    assert notice().due_at is None
    assert one.due_at == NOW
    assert replace(one, content=replace(content(), embargo_until=later)).due_at == later
    past = replace(one, content=replace(content(), embargo_until=NOW - timedelta(days=1)))
    assert past.due_at == NOW


def test_red_names_persons_and_nothing_else_does() -> None:
    person = Addressing(persons=(Addressee(FIRM, PersonId(AUTHOR)),))
    check_content(replace(content(Tlp.RED), addressing=person))
    for tlp, addressing in (
        (Tlp.RED, Addressing(organisations=(FIRM,))),
        (Tlp.RED, Addressing(parks=("optics-valley",))),
        (Tlp.AMBER, person),
    ):
        with pytest.raises(InvalidNoticeError, match="addressing"):
            check_content(replace(content(tlp), addressing=addressing))


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        (["controller Example  PLC-900 v4"], True),
        (["made by EXAMPLE", "plc-900"], True),
        (["Example PLC-700"], False),
        (["PLC-900"], False),
        ([], False),
    ],
)
def test_products_are_found_by_vendor_and_name(texts: list[str], *, found: bool) -> None:
    assert Names.of([("Example", "PLC-900")]).are_in(texts) is found


def test_a_name_of_one_letter_concerns_nobody() -> None:
    assert not Names.of([("", "a"), ("", "")]).are_in(["a machine"])


def test_who_may_release() -> None:
    def principal(role: Role, organisation: int) -> Principal:
        return Principal(
            PrincipalKind.PERSON,
            AUTHOR,
            OrganisationId(UUID(int=organisation)),
            frozenset({role}),
        )

    assert may_release(principal(Role.SECURITY_ADMIN, 2), notice())
    assert may_release(principal(Role.PROGRAMME_OFFICER, 1), notice())
    assert not may_release(principal(Role.PROGRAMME_OFFICER, 2), notice())
    assert not may_release(principal(Role.OWNER, 1), notice())
    assert not may_release(principal(Role.SYSTEM_ADMIN, 2), notice())


def test_an_acknowledgement_stops_the_clock_at_its_instant() -> None:
    one = delivered(notice(), Recipient(FIRM), delivery_id=UUID(int=9), now=NOW)
    due = NOW + timedelta(hours=72)
    assert one.due_at == due
    assert not one.is_overdue(due - timedelta(microseconds=1))
    assert one.is_overdue(due)
    done = acknowledged(one, by=AUTHOR, now=due)
    assert not done.is_overdue(due + timedelta(days=1))
    assert done.read_at == due
    with pytest.raises(AlreadyAcknowledgedError):
        acknowledged(done, by=AUTHOR, now=due)


def test_a_watermark_names_organisation_person_and_time() -> None:
    mark = Watermark(FIRM, "Works 工厂", str(AUTHOR), "Person", NOW)
    assert mark.over(Tlp.RED) == (
        f"TLP:RED · downloaded 下载: Works 工厂 ({FIRM}) · Person ({AUTHOR})"
        " · 2026-03-02T09:00:00+00:00"
    )
