"""Drafts and imported rows: kept incomplete, told what lacks, published or stated when whole."""

import io
from datetime import timedelta
from typing import Any

import httpx
import pytest
from openpyxl import Workbook, load_workbook

from marketplace.demands.importing import COLUMNS
from services.runtime.db import Sessions
from services.runtime.files.media import XLSX
from tests.support.clock import FrozenClock
from tests.support.firms import firms_on

HEADER = ["title", "process", "hours", "start", "end", "quantity", "certificates"]
GOOD = ["Brackets", "machining.milling", 4, "2026-03-03 08:00", "2026-03-05 18:00", 20, "iso-9001"]


def workbook(*rows: list[Any], header: list[str] = HEADER) -> bytes:
    book = Workbook()
    for row in (header, *rows):
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def imported(client: httpx.Client, content: bytes, *, media: str = XLSX, **more: Any) -> Any:
    headers = {"content-type": media, **more.pop("headers", {})}
    return client.post("demands/imports", content=content, headers=headers, params=more)


@pytest.fixture
def buyer(sessions: Sessions, clock: FrozenClock) -> Any:
    with firms_on(sessions, clock) as firms:
        firm = firms.firm("Buyer")
        firm.http.stranger = firms.firm("Stranger").http  # type: ignore[attr-defined]
        yield firm.http


def test_a_draft_tells_what_lacks_and_is_published_under_its_id_when_whole(
    buyer: Any, clock: FrozenClock
) -> None:
    made = buyer.post("demand-drafts", json={"body": {"title": "Brackets", "hours": "many"}})
    assert made.status_code == 201, made.text
    draft = made.json()
    told = {(one["pointer"], one["code"]) for one in draft["problems"]}
    assert {("/process", "missing"), ("/window", "missing"), ("/hours", "decimal-parsing")} == told
    path = f"demand-drafts/{draft['id']}"
    refused = buyer.post(f"{path}/publish")
    assert refused.status_code == 422
    assert {one["pointer"] for one in refused.json()["errors"]} >= {"/process", "/window"}
    assert buyer.stranger.get(path).json()["code"] == "demand-draft-not-found"
    assert buyer.stranger.get("demand-drafts").json()["items"] == []

    window = {
        "start": clock.now().isoformat(),
        "end": (clock.now() + timedelta(days=3)).isoformat(),
    }
    whole = {"title": "Brackets", "process": "machining.milling", "hours": 4, "window": window}
    stale = buyer.put(path, json={"body": whole}, headers={"if-match": '"7"'})
    assert stale.json()["code"] == "demand-draft-version-mismatch"
    changed = buyer.put(path, json={"body": whole}, headers={"if-match": '"1"'})
    assert changed.json()["problems"] == []
    key = {"idempotency-key": "publish"}
    published = buyer.post(f"{path}/publish", headers=key)

    assert published.status_code == 201, published.text
    assert published.json()["id"] == draft["id"]
    assert buyer.post(f"{path}/publish", headers=key).json() == published.json()
    assert buyer.get(f"demands/{draft['id']}").json()["title"] == "Brackets"
    assert buyer.get(path).status_code == 404


def test_a_wrong_row_names_row_column_and_what_to_do_and_nothing_is_imported(buyer: Any) -> None:
    bad = ["", "machining.miling", "=1+1", "tomorrow", "2026-03-05 18:00", 20, ""]
    unknown = ["Nuts", "machining.miling", *GOOD[2:]]
    late = ["Bolts", "machining.milling", 4, "2020-01-01 08:00", "2020-01-02 08:00", 1, ""]
    content = workbook(GOOD, bad, unknown, late)

    refused = imported(buyer, content, headers={"accept-language": "zh"})

    assert refused.status_code == 422, refused.text
    assert refused.json()["code"] == "import-rows-invalid"
    wrong = [(one["row"], one["column"], one["code"]) for one in refused.json()["wrong"]]
    assert wrong == [
        (3, "hours", "cell-formula"),
        (3, "start", "cell-instant"),
        (4, "process", "unknown-process"),
        (5, "end", "window-in-past"),
    ]
    assert "公式" in refused.json()["wrong"][0]["message"]
    assert buyer.get("demands").json()["items"] == []

    key = {"idempotency-key": "take"}
    taken = imported(buyer, content, rows="good", headers=key)

    assert taken.status_code == 201, taken.text
    assert [one["row"] for one in taken.json()["imported"]] == [2]
    assert len(taken.json()["wrong"]) == 4
    assert imported(buyer, content, rows="good", headers=key).json() == taken.json()
    (kept,) = buyer.get("demands").json()["items"]
    assert (kept["title"], kept["quantity"]) == ("Brackets", 20)
    assert kept["window"]["start"] == "2026-03-03T00:00:00Z"
    assert buyer.stranger.get("demands").json()["items"] == []


def test_chinese_columns_of_a_csv_are_read_as_those_of_the_template(buyer: Any) -> None:
    text = "名称,工艺,工时,开始,结束\n支架,machining.milling,4,2026-03-03 08:00,2026-03-05 18:00\n"
    taken = imported(buyer, text.encode("gb18030"), media="text/csv", timezone="UTC")

    assert taken.status_code == 201, taken.text
    (kept,) = buyer.get("demands").json()["items"]
    assert (kept["title"], kept["window"]["start"]) == ("支架", "2026-03-03T08:00:00Z")


@pytest.mark.parametrize(
    ("content", "media", "code"),
    [
        (workbook(header=["title", "colour"]), XLSX, "import-header"),
        (workbook(header=["title", "title", *HEADER]), XLSX, "import-header"),
        (workbook(header=["title"]), XLSX, "import-header"),
        (workbook(*([GOOD] * 1_001)), XLSX, "import-too-large"),
        (b"%PDF-1.7\n%%EOF", "application/pdf", "import-type"),
    ],
    ids=["unknown column", "twice", "missing", "too many rows", "no table"],
)
def test_a_file_that_is_no_table_of_demands_is_refused(
    buyer: Any, content: bytes, media: str, code: str
) -> None:
    refused = imported(buyer, content, media=media)

    assert refused.status_code == 422, refused.text
    assert refused.json()["code"] == code


def test_the_template_has_every_column_and_explains_each(buyer: Any) -> None:
    answer = buyer.get("demands/imports/template")
    book = load_workbook(io.BytesIO(answer.content))

    keys = [column.key for column in COLUMNS]
    assert [cell.value for cell in book.worksheets[0][1]] == keys
    assert [row[0].value for row in book.worksheets[1].iter_rows(min_row=2)] == keys
