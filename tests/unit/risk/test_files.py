"""Files of notices: what is read, what is refused and where, and that nothing breaks a reader."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.contracts.ids import OrganisationId
from services.risk.domain.csaf import BRANCH_DEPTH_MAX
from services.risk.domain.csaf_reading import read_csaf
from services.risk.domain.csaf_writing import write_csaf
from services.risk.domain.csv_file import COLUMNS, read_csv
from services.risk.domain.imported import NOTICES_PER_FILE_MAX, PROBLEMS_MAX, FileRefused
from services.risk.domain.notice import (
    Notice,
    NoticeContent,
    NoticeKind,
    NoticeSource,
    NoticeState,
    Product,
    Reference,
)
from services.risk.domain.rating import Rating, Severity, rated
from services.risk.domain.tlp import Tlp
from services.risk.domain.watermark import Watermark
from services.risk.domain.wellformed import check_content

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
HEADER = "title,kind,tlp,severity,vendor,product"
ROW = "T,advisory,clear,low,Example,PLC"
V3 = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
V4 = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"
MARK = Watermark(OrganisationId(UUID(int=2)), "Works", "a", "Person", NOW)


def csaf(**document: Any) -> dict[str, Any]:
    return {
        "document": {
            "category": "csaf_base",
            "csaf_version": "2.0",
            "title": "Advisory",
            "publisher": {
                "category": "vendor",
                "name": "Example",
                "namespace": "https://example.com",
            },
            "tracking": {
                "id": "EX-1",
                "status": "final",
                "version": "1",
                "initial_release_date": "2026-03-02T09:00:00Z",
                "current_release_date": "2026-03-02T09:00:00Z",
                "revision_history": [
                    {"date": "2026-03-02T09:00:00Z", "number": "1", "summary": "First"}
                ],
            },
        }
        | document
    }


def read(document: object) -> NoticeContent:
    (content,) = read_csaf(json.dumps(document).encode())
    return content


def places(data: bytes, reader: Any) -> list[str]:
    with pytest.raises(FileRefused) as refused:
        reader(data)
    assert all(one.en and one.zh for one in refused.value.problems)
    return [one.place for one in refused.value.problems]


def test_every_column_is_read() -> None:
    values = dict.fromkeys(COLUMNS, "") | {
        "title": "T",
        "kind": "Incident",
        "tlp": "TLP:AMBER+STRICT",
        "cvss_vector": V3,
        "vendor": "Example",
        "product": "PLC",
        "versions": "< 2",
        "cpe": "cpe:2.3:h:example:plc:*:*:*:*:*:*:*:*",
        "identifiers": "CVE-2026-1234 | CNVD-2026-1",
        "embargo_until": "2026-03-05T09:00:00+08:00",
        "description": "D",
        "remediation": "R",
        "references": "https://example.com/1|https://example.com/2",
    }
    text = ",".join(values) + "\n" + ",".join(values.values()) + "\n"
    (content,) = read_csv(text.encode("utf-8-sig"))
    assert content == NoticeContent(
        title="T",
        title_zh="T",
        kind=NoticeKind.INCIDENT,
        rating=rated(vector=V3, severity=None),
        tlp=Tlp.AMBER_STRICT,
        products=(Product("Example", "PLC", "< 2", values["cpe"]),),
        identifiers=("CVE-2026-1234", "CNVD-2026-1"),
        embargo_until=datetime(2026, 3, 5, 1, tzinfo=UTC),
        description="D",
        remediation="R",
        references=(Reference("https://example.com/1"), Reference("https://example.com/2")),
    )


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (f"{HEADER}\n{ROW}\n{ROW},x", ["line 3"]),
        (f"{HEADER}\n{ROW.replace('clear', 'pink')}", ["line 2, tlp"]),
        (f"{HEADER}\n{ROW.replace('low', 'urgent')}", ["line 2, severity"]),
        (f"{HEADER}\n{ROW.replace('Example', '')}", ["line 2, products/0/vendor"]),
        (f"{HEADER}\n{ROW.replace('T,', ',')}", ["line 2, title"]),
        (f"{HEADER},embargo_until\n{ROW},2026-03-05", ["line 2, embargo_until"]),
        (f"{HEADER},cvss_vector\n{ROW},CVSS:3.1/x", ["line 2"]),
        (f"{HEADER},secret\n{ROW},x", ["line 1, 'secret'"]),
        (f"{HEADER},title\n{ROW},x", ["line 1"]),
        ("title\nT", ["line 1"] * 4),
        (f'{HEADER}\n"{ROW}', ["line 2"]),
        (HEADER, ["line 2"]),
        ("", ["line 1"] * 5),
    ],
)
def test_a_wrong_line_is_named(text: str, where: list[str]) -> None:
    assert places(text.encode(), read_csv) == where


def test_a_line_is_that_of_the_file_though_cells_have_several() -> None:
    text = f'{HEADER},description\n{ROW},"two\nlines"\n{ROW.replace("clear", "pink")},x\n'
    assert places(text.encode(), read_csv) == ["line 4, tlp"]


def test_neither_utf_8_nor_gb18030() -> None:
    assert places(HEADER.encode() + b"\n\xff\xff", read_csv) == [f"byte {len(HEADER) + 1}"]


def test_numbers_are_limited() -> None:
    many = f"{HEADER}\n" + f"{ROW}\n" * (NOTICES_PER_FILE_MAX + 1)
    assert places(many.encode(), read_csv) == [f"line {NOTICES_PER_FILE_MAX + 2}"]
    wrong = f"{HEADER}\n" + f"{ROW.replace('low', 'x')}\n" * 200
    assert len(places(wrong.encode(), read_csv)) == PROBLEMS_MAX


def test_a_document_without_a_label_stays_closed() -> None:
    assert read(csaf()).tlp is Tlp.AMBER_STRICT
    assert read(csaf(distribution={"tlp": {"label": "WHITE"}})).tlp is Tlp.CLEAR
    strict = {"tlp": {"label": "AMBER"}, "text": "TLP:AMBER+STRICT"}
    assert read(csaf(distribution=strict)).tlp is Tlp.AMBER_STRICT
    assert read(csaf(distribution={"tlp": {"label": "AMBER"}})).tlp is Tlp.AMBER


def test_the_worst_score_counts() -> None:
    low = V3.replace("C:H/I:H/A:H", "C:L/I:N/A:N")
    scores = [
        {
            "products": ["P"],
            "cvss_v3": {
                "version": "3.1",
                "vectorString": vector,
                "baseScore": 1,
                "baseSeverity": "LOW",
            },
        }
        for vector in (low, V3)
    ]
    found = read(csaf() | {"vulnerabilities": [{"cve": "CVE-2026-1234", "scores": scores}]})
    assert found.rating.score == Decimal("9.8")
    assert found.kind is NoticeKind.VULNERABILITY
    assert found.identifiers == ("CVE-2026-1234",)
    assert read(csaf()).rating == Rating(Severity.MEDIUM)


def test_a_tree_too_deep_is_refused() -> None:
    branch: dict[str, Any] = {"category": "product_name", "name": "leaf"}
    branch["product"] = {"name": "leaf", "product_id": "P"}
    for level in range(BRANCH_DEPTH_MAX + 5):
        branch = {"category": "vendor", "name": str(level), "branches": [branch]}
    document = csaf() | {"product_tree": {"branches": [branch]}}
    assert places(json.dumps(document).encode(), read_csaf) == ["/product_tree/branches"]


def test_a_wrong_pointer_is_named() -> None:
    document = csaf() | {"vulnerabilities": [{"cve": "CVE-1"}, {"title": ""}]}
    del document["document"]["title"]
    assert places(json.dumps(document).encode(), read_csaf) == [
        "/document/title",
        "/vulnerabilities/0/cve",
        "/vulnerabilities/1/title",
    ]
    assert places(b"{", read_csaf) == ["/"]
    assert places(b"[]", read_csaf) == ["/"]


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
NAME = TEXT.filter(lambda text: text.strip() != "")
CONTENTS = st.builds(
    NoticeContent,
    title=NAME,
    title_zh=NAME,
    kind=st.sampled_from(NoticeKind),
    rating=st.sampled_from(
        [Rating(Severity.HIGH), rated(vector=V3, severity=None), rated(vector=V4, severity=None)]
    ),
    tlp=st.sampled_from(Tlp),
    products=st.lists(st.builds(Product, vendor=NAME, name=NAME, versions=TEXT), max_size=3).map(
        tuple
    ),
    identifiers=st.lists(
        st.sampled_from(["CVE-2026-1234", "CVE-x", "CNVD-2026-1", "NVDB-9"]), max_size=3
    ).map(tuple),
    description=TEXT,
    remediation=TEXT,
    references=st.lists(
        st.builds(Reference, url=st.just("https://example.com/ü"), summary=TEXT), max_size=2
    ).map(tuple),
)


@given(CONTENTS)
def test_whatever_was_released_leaves_and_comes_in_again(content: NoticeContent) -> None:
    check_content(content)
    notice = Notice(
        id=UUID(int=7),
        year=2026,
        serial=3,
        organisation_id=OrganisationId(UUID(int=1)),
        content=content,
        state=NoticeState.RELEASED,
        source=NoticeSource.WRITTEN,
        authors=frozenset({UUID(int=3)}),
        created_at=NOW,
        updated_at=NOW,
        released_at=NOW,
    )
    for state in (NoticeState.RELEASED, NoticeState.SUPERSEDED):
        document = write_csaf(replace(notice, state=state), publisher="Works", mark=MARK)
        assert None not in document.values()
        back = read(document)
        assert back.tlp == content.tlp
        assert len(back.products) <= len(content.products)
        assert MARK.text in json.dumps(document, ensure_ascii=False)


MEMBERS = ["document", "product_tree", "vulnerabilities"]
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=8) | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*csaf()["document"], "notes", "branches", "product", "scores"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


def read_or_refused(reader: Any, data: bytes) -> None:
    for content in contents_or_none(reader, data):
        check_content(content)


def contents_or_none(reader: Any, data: bytes) -> list[NoticeContent]:
    problems = None
    contents: list[NoticeContent] = []
    try:
        contents = reader(data)
    except FileRefused as refused:
        problems = refused.problems
    assert bool(contents) != bool(problems), "something, or what is wrong"
    for problem in problems or ():
        assert b"\0" not in f"{problem.place}{problem.en}{problem.zh}".encode()
    return contents


@settings(max_examples=300)
@given(
    st.dictionaries(st.sampled_from(["document", "product_tree", "vulnerabilities"]), JSON), JSON
)
def test_any_json_is_read_or_refused(broken: dict[str, Any], part: object) -> None:
    for document in (broken, csaf() | broken, csaf(notes=part), csaf(distribution=part)):
        read_or_refused(read_csaf, json.dumps(document).encode())


@settings(max_examples=300)
@given(st.binary(max_size=200), st.integers(0, 2_000))
def test_any_bytes_are_read_or_refused(noise: bytes, at: int) -> None:
    whole = json.dumps(csaf()).encode()
    table = f"{HEADER}\n{ROW}\n".encode()
    for reader in (read_csv, read_csaf):
        for base in (b"", whole, table):
            read_or_refused(reader, base[: at % (len(base) + 1)] + noise + base[at:])


@settings(max_examples=300)
@given(
    st.lists(st.sampled_from([*COLUMNS, "x", ""]), max_size=12),
    st.lists(st.lists(st.text(max_size=12), max_size=12), max_size=4),
)
def test_any_table_is_read_or_refused(header: list[str], rows: list[list[str]]) -> None:
    lines = "\n".join(",".join(cells) for cells in [header, *rows])
    for head in ("", f"{HEADER}\n"):
        read_or_refused(read_csv, (head + lines).encode(errors="surrogatepass"))
