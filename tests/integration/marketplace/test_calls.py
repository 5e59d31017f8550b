"""What PostgreSQL itself keeps of calls and programmes: who wrote a paper, and the quota."""

import io
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import docx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from marketplace.calls.moving import advance
from services.contracts.access import Principal, PrincipalKind, Role
from services.contracts.ids import OrganisationId
from services.runtime.database_roles import WORKER
from services.runtime.db import Sessions, transaction
from tests.support.clock import FrozenClock
from tests.support.firms import Firm, Firms, firms_on
from tests.support.working import sessions_as

pytestmark = pytest.mark.integration

Document = dict[str, Any]
FIELDS = {"contact": "A", "mobile": "1", "narrative": "N", "centrally_funded": False}


@pytest.fixture
def firms(sessions: Sessions, clock: FrozenClock) -> Iterator[Firms]:
    with firms_on(sessions, clock) as firms:
        yield firms


def opened(firm: Firm, clock: FrozenClock, **rules: Any) -> str:
    def day(number: int) -> str:
        return (clock.now() + timedelta(days=number)).isoformat()

    body = {
        "kind": "selection",
        "title": "Call",
        "title_zh": "征集",
        "rules": {
            "criteria": [{"key": "merit", "name": "Merit", "name_zh": "综合"}],
            "reviewers": 2,
            **rules,
        },
        "schedule": {
            "opens_at": day(0), "submit_until": day(1), "screen_until": day(2),
            "review_until": day(3),
        },
    }  # fmt: skip
    return str(done(firm.http.post("calls", json=body))["id"])


def done(response: Any) -> Document:
    assert response.is_success, response.text
    document: Document = response.json() if response.content else {}
    return document


def submitted(firm: Firm, call_id: str) -> str:
    made = done(firm.http.post(f"calls/{call_id}/submissions", json={"title": "Paper"}))
    done(firm.http.post(f"submissions/{made['id']}/submit"))
    return str(made["id"])


def rows(sessions: Sessions, principal: Principal, query: str) -> list[Any]:
    """What ``query`` shows to a request of the principal, whatever the code would ask."""
    with sessions_as(sessions) as own, transaction(own, principal) as session:
        return list(session.connection().execute(text(query)))


def acting(firm: Firm, person_id: UUID, *roles: Role) -> Principal:
    return Principal(PrincipalKind.PERSON, person_id, firm.id, frozenset(roles))


def reviewing(
    firms: Firms, owner: Firm, sessions: Sessions, clock: FrozenClock
) -> tuple[Firm, str, list[Firm]]:
    """A blind call under review: its submitter, the paper and two jurors' firms."""
    call_id = opened(owner, clock)
    writer, jurors = firms.firm("Writer"), [firms.firm("One"), firms.firm("Two")]
    for juror in jurors:
        done(owner.http.put(f"calls/{call_id}/jurors/{juror.owner_id}"))
    paper = submitted(writer, call_id)
    with sessions_as(sessions, WORKER) as worker:
        for _ in range(2):
            clock.advance(timedelta(days=1))
            with transaction(worker) as session:
                assert advance(session=session, clock=clock)
    return writer, paper, jurors


def test_row_security_shows_a_blind_paper_but_not_who_wrote_it(
    firms: Firms, sessions: Sessions, clock: FrozenClock
) -> None:
    owner = firms.firm("Owner")
    writer, paper, jurors = reviewing(firms, owner, sessions, clock)
    as_owner = acting(owner, owner.owner_id, Role.OWNER)
    as_juror = acting(jurors[0], jurors[0].owner_id, Role.EXPERT)
    as_writer = acting(writer, writer.owner_id, Role.OWNER)
    stranger = firms.firm("Stranger")
    as_stranger = acting(stranger, stranger.owner_id, Role.OWNER)

    for principal, papers, submissions in (
        (as_owner, 1, 0), (as_juror, 1, 0), (as_writer, 1, 1), (as_stranger, 0, 0),
    ):  # fmt: skip
        seen = rows(sessions, principal, "SELECT to_jsonb(call_paper)::text FROM call_paper")
        assert len(seen) == papers
        assert not any(str(writer.id) in one[0] for one in seen)
        known = rows(sessions, principal, "SELECT id FROM call_submission")
        assert [str(one[0]) for one in known] == [paper] * submissions
    with pytest.raises(DBAPIError, match="permission denied"):
        rows(sessions, as_owner, "UPDATE call SET stage = 'awarded'")


def test_row_security_shows_others_scores_only_once_the_own_are_in(
    firms: Firms, sessions: Sessions, clock: FrozenClock
) -> None:
    owner = firms.firm("Owner")
    _, _, jurors = reviewing(firms, owner, sessions, clock)
    as_one, as_two = (acting(it, it.owner_id, Role.EXPERT) for it in jurors)
    seen = "SELECT person_id FROM call_score ORDER BY review_id"
    reviews = list[UUID]()
    for principal in (as_one, as_two):
        ((review,),) = rows(sessions, principal, "SELECT id FROM call_review")
        reviews.append(review)

    _score(sessions, as_one, reviews[0])
    assert len(rows(sessions, as_one, seen)) == 1
    assert rows(sessions, as_two, seen) == []
    assert rows(sessions, acting(owner, owner.owner_id, Role.OWNER), seen) == []
    _score(sessions, as_two, reviews[1])
    assert len(rows(sessions, as_two, seen)) == len(rows(sessions, as_one, seen)) == 2


def _score(sessions: Sessions, juror: Principal, review: UUID) -> None:
    with sessions_as(sessions) as own, transaction(own, juror) as session:
        connection = session.connection()
        connection.execute(
            text("UPDATE call_review SET state = 'done', decided_at = assigned_at WHERE id = :id"),
            {"id": review},
        )
        connection.execute(
            text(
                "INSERT INTO call_score SELECT id, organisation_id, call_id, paper_id, person_id,"
                " '{\"merit\": 5}', '' FROM call_review WHERE id = :id"
            ),
            {"id": review},
        )


def test_the_eleventh_recommendation_is_refused_by_its_clause_and_by_the_database(
    firms: Firms, sessions: Sessions, clock: FrozenClock
) -> None:
    authority, bureau = firms.firm("Authority"), firms.firm("Bureau")
    call_id = opened(authority, clock, blind=False)
    done(authority.http.put(f"calls/{call_id}/programme", json={"programme": "miit-2017"}))
    applied = [_applied(firms.firm(f"Firm {it}"), bureau.id, call_id) for it in range(11)]
    places = [
        done(bureau.http.post(f"applications/{one}/recommendation", json={"reason": "Good"}))[
            "place"
        ]
        for one in applied[:10]
    ]

    eleventh = bureau.http.post(
        f"applications/{applied[10]}/recommendation", json={"reason": "Good"}
    )

    assert places == list(range(1, 11))
    assert (eleventh.status_code, eleventh.json()["clauses"]) == (409, ["limits.recommendations"])
    with pytest.raises(DBAPIError, match="within_quota"), transaction(sessions) as session:
        session.connection().execute(
            text("UPDATE programme_recommendation SET place = 11 WHERE place = 10")
        )


def test_form_and_table_leave_as_word_and_pdf_documents(firms: Firms, clock: FrozenClock) -> None:
    authority, bureau, firm = (firms.firm(name) for name in ("Authority", "Bureau", "武汉工厂"))
    call_id = opened(authority, clock, blind=False)
    done(authority.http.put(f"calls/{call_id}/programme", json={"programme": "miit-2017"}))
    application_id = _applied(firm, bureau.id, call_id)
    reason = {"reason": "服务四十家 <中小企业> & more"}
    done(bureau.http.post(f"applications/{application_id}/recommendation", json=reason))

    form = firm.http.get(f"applications/{application_id}/form")
    table = bureau.http.get(f"calls/{call_id}/recommendation-table")
    others = firms.firm("Other").http.get(f"calls/{call_id}/recommendation-table")

    told = _cells(form)
    assert told["单位名称 Unit"][0] == "武汉工厂"
    assert told["单位名称 Unit"][1].startswith(f"/organisations/{firm.id} (2026-03-02")
    assert told["是否已获中央财政支持 Funded by the central budget"][0] == "否 No"
    assert _cells(table)["1"][0] == "武汉工厂"
    assert _cells(table)["1"][3] == reason["reason"]
    assert "1" not in _cells(others)
    for path, client in (
        (f"applications/{application_id}/form", firm.http),
        (f"calls/{call_id}/recommendation-table", bureau.http),
    ):
        pdf = client.get(path, params={"file": "pdf"})
        assert pdf.headers["content-type"] == "application/pdf"
        assert pdf.content.startswith(b"%PDF-")
        assert b"STSong-Light" in pdf.content
    assert firms.firm("Else").http.get(f"applications/{application_id}/form").status_code == 404


def _cells(response: Any) -> dict[str, list[str]]:
    """The rows of a document's table, by their first cell."""
    assert response.status_code == 200, response.text
    (table,) = docx.Document(io.BytesIO(response.content)).tables
    return {row.cells[0].text: [one.text for one in row.cells[1:]] for row in table.rows}


def _applied(firm: Firm, recommender_id: OrganisationId, call_id: str) -> str:
    body = {
        "recommender_id": str(recommender_id), "title": "P", "directions": [1], "fields": FIELDS,
    }  # fmt: skip
    made = done(firm.http.post(f"calls/{call_id}/applications", json=body))
    done(firm.http.post(f"applications/{made['id']}/apply"))
    return str(made["id"])
