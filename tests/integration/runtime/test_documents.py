"""Documents over HTTP: what is taken, who reads it, what stays on record."""

import hashlib
import socket
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from sqlmodel import text

from services.contracts.access import Role
from services.runtime.audit import handlers as audit
from services.runtime.audit.entry import Entry
from services.runtime.audit.store import every_entry
from services.runtime.clock import SystemClock
from services.runtime.database_roles import APP, WORKER
from services.runtime.db import Sessions, engine_for, sessions_for, transaction
from services.runtime.files.handlers import SweepUnsafeError, sweep
from services.runtime.files.receiving import UPLOADS_PER_ORGANISATION_MAX
from services.runtime.files.storage import FolderStorage
from tests.support.files import CSV, GENUINE, PDF
from tests.support.firms import Firm, Firms, firms_on

pytestmark = pytest.mark.integration

LIMIT = 3 * 1024 * 1024
TERMS = "ab" * 32


@pytest.fixture
def firms(sessions: Sessions, tmp_path: Path) -> Iterator[Firms]:
    with firms_on(sessions, SystemClock(), state_dir=tmp_path, document_bytes_max=LIMIT) as firms:
        yield firms


@pytest.fixture
def maker(firms: Firms) -> Firm:
    return firms.firm("Maker")


@pytest.fixture
def buyer(firms: Firms) -> Firm:
    return firms.firm("Buyer")


def upload(
    by: httpx.Client, content: Any = PDF, kind: str = "application/pdf", **query: Any
) -> httpx.Response:
    return by.post(
        "documents",
        content=content,
        params={"name": "drawing.pdf"} | query,
        headers={"content-type": kind},
    )


def uploaded(by: httpx.Client, content: bytes = PDF, **query: Any) -> str:
    answer = upload(by, content, **query)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def agree(maker: Firm, buyer: Firm, **facts: Any) -> str:
    ends = SystemClock().now() + timedelta(days=30)
    body = {
        "owner_id": str(maker.id),
        "counterparty_id": str(buyer.id),
        "terms_sha256": TERMS,
        "expires_at": ends.isoformat(),
    }
    nda_id = str(maker.http.post("agreements", json=body | facts).json()["id"])
    signed = buyer.http.post(f"agreements/{nda_id}/sign", json={"terms_sha256": TERMS})
    assert signed.json()["state"] == "in_force"
    return nda_id


def reads_of(sessions: Sessions, document_id: str) -> list[Entry]:
    with audit.reading(sessions) as session:
        return [
            entry
            for entry in every_entry(session)
            if entry.fact.subject_id == document_id and entry.fact.action == "document.read"
        ]


@pytest.mark.parametrize("kind", GENUINE)
def test_every_kind_comes_back_as_it_was(maker: Firm, kind: str) -> None:
    answer = upload(maker.http, GENUINE[kind], kind)
    assert answer.status_code == 201, answer.text
    document = answer.json()
    assert document["sha256"] == hashlib.sha256(GENUINE[kind]).hexdigest()
    file = maker.http.get(f"documents/{document['id']}/content")
    assert file.content == GENUINE[kind]
    assert file.headers["content-type"].partition(";")[0] == kind


def test_a_file_is_saved_never_shown(maker: Firm) -> None:
    document_id = uploaded(maker.http, name="../图纸 v2\r\n.pdf")
    file = maker.http.get(f"documents/{document_id}/content")
    disposition = file.headers["content-disposition"]
    assert disposition.startswith('attachment; filename="')
    assert "filename*=UTF-8''%E5%9B%BE%E7%BA%B8%20v2" in disposition
    assert ".." not in disposition
    assert file.headers["x-content-type-options"] == "nosniff"
    assert file.headers["content-security-policy"].startswith("sandbox")
    assert file.headers["cache-control"] == "private, no-store"
    assert file.headers["content-length"] == str(len(PDF))


def test_bytes_are_outside_any_web_root_and_private(maker: Firm, tmp_path: Path) -> None:
    uploaded(maker.http)
    digest = hashlib.sha256(PDF).hexdigest()
    path = tmp_path / "documents" / digest[:2] / digest[2:4] / digest
    assert path.read_bytes() == PDF
    assert path.stat().st_mode & 0o777 == 0o600
    assert list((tmp_path / "documents" / "incoming").iterdir()) == []
    for guess in (f"/documents/{digest[:2]}/{digest[2:4]}/{digest}", "/static/../documents"):
        url = urlsplit(str(maker.http.base_url))._replace(path=guess).geturl()
        assert maker.http.get(url).status_code == 404


@pytest.mark.parametrize(
    ("content", "kind", "code"),
    [
        (CSV, "application/pdf", "content-mismatch"),
        (PDF, "image/png", "content-mismatch"),
        (PDF, "application/octet-stream", "unsupported-media-type"),
        (PDF, "application/zip", "unsupported-media-type"),
        (b"<html>", "text/html", "unsupported-media-type"),
        (b"", "application/pdf", "upload-empty"),
    ],
)
def test_what_is_not_what_it_says_is_refused(
    maker: Firm, tmp_path: Path, content: bytes, kind: str, code: str
) -> None:
    answer = upload(maker.http, content, kind)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert list((tmp_path / "documents").glob("??/??/*")) == []


class TestSize:
    def test_up_to_the_limit_is_taken(self, maker: Firm) -> None:
        content = CSV + b"x" * (LIMIT - len(CSV))
        assert upload(maker.http, content, "text/csv").status_code == 201

    def test_above_is_refused_by_its_declared_length(self, maker: Firm) -> None:
        answer = upload(maker.http, b"x" * (LIMIT + 1), "text/csv")
        assert (answer.status_code, answer.json()["code"]) == (413, "body-too-large")

    def test_above_is_refused_while_it_streams(self, maker: Firm, tmp_path: Path) -> None:
        sent = 0

        def endless() -> Iterator[bytes]:
            nonlocal sent
            while sent < 100 * LIMIT:
                sent += 65_536
                yield b"x" * 65_536

        try:
            answer = upload(maker.http, endless(), "text/csv")
        except httpx.TransportError:
            pass
        else:
            assert answer.status_code == 413
        assert sent < 10 * LIMIT
        assert list((tmp_path / "documents" / "incoming").iterdir()) == []

    def test_json_keeps_to_the_limit_of_json(self, maker: Firm) -> None:
        answer = upload(maker.http, b" " * (2 * 1024 * 1024), "application/json")
        assert answer.status_code == 413

    def test_other_routes_keep_to_theirs(self, maker: Firm) -> None:
        answer = maker.http.post(
            "offers", content=b"x" * (2 * 1024 * 1024), headers={"content-type": "text/csv"}
        )
        assert answer.status_code == 413


def test_a_slow_upload_holds_no_connection_to_the_database(maker: Firm, sessions: Sessions) -> None:
    url = urlsplit(str(maker.http.base_url))
    request = (
        f"POST /api/v1/documents?name=a.csv HTTP/1.1\r\nhost: {url.netloc}\r\n"
        f"authorization: {maker.http.headers['authorization']}\r\n"
        "content-type: text/csv\r\ncontent-length: 1000\r\n\r\na,"
    )
    slow = []
    for _ in range(UPLOADS_PER_ORGANISATION_MAX):
        slow.append(socket.create_connection((url.hostname, url.port), timeout=10))
        slow[-1].sendall(request.encode())
    time.sleep(0.5)
    with sessions() as session:
        busy = session.connection().execute(
            text(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND application_name = 'nonagon-test-http' AND xact_start IS NOT NULL"
            )
        )
        assert busy.scalar_one() == 0
    answer = upload(maker.http)
    assert (answer.status_code, answer.json()["code"]) == (503, "too-many-uploads")
    assert maker.http.get("documents").status_code == 200
    for connection in slow:
        connection.close()


class TestReading:
    def test_confidential_ones_need_an_agreement_in_force(
        self, sessions: Sessions, maker: Firm, buyer: Firm
    ) -> None:
        document_id = uploaded(maker.http)
        for path in (f"documents/{document_id}", f"documents/{document_id}/content"):
            answer = buyer.http.get(path)
            assert (answer.status_code, answer.json()["code"]) == (404, "document-not-found")
        nda_id = agree(maker, buyer)
        assert buyer.http.get(f"documents/{document_id}/content").content == PDF
        assert [one["id"] for one in buyer.http.get("documents").json()["items"]] == [document_id]

        owners, readers = sorted(
            reads_of(sessions, document_id), key=lambda entry: entry.chain != maker.id
        )
        assert (owners.organisation_id, readers.organisation_id) == (maker.id, buyer.id)
        assert owners.fact.after == {"read_by": str(buyer.id)}
        assert owners.fact.actor_id == buyer.owner_id

        maker.http.post(f"agreements/{nda_id}/revoke")
        assert buyer.http.get(f"documents/{document_id}/content").status_code == 404
        assert len(reads_of(sessions, document_id)) == 2

    def test_an_agreement_about_another_thing_is_none(self, maker: Firm, buyer: Firm) -> None:
        clock = SystemClock()
        mine, other = str(clock.new_id()), str(clock.new_id())
        document_id = uploaded(maker.http, subject_kind="resource", subject_id=mine)
        agree(maker, buyer, subject_kind="resource", subject_id=other)
        assert buyer.http.get(f"documents/{document_id}").status_code == 404
        agree(maker, buyer, subject_kind="resource", subject_id=mine)
        assert buyer.http.get(f"documents/{document_id}").status_code == 200

    def test_public_ones_are_open_and_secret_ones_on_record_even_at_home(
        self, sessions: Sessions, maker: Firm, buyer: Firm
    ) -> None:
        public = uploaded(maker.http, confidentiality="public")
        secret = uploaded(maker.http, confidentiality="secret")
        assert buyer.http.get(f"documents/{public}/content").status_code == 200
        assert buyer.http.get(f"documents/{secret}/content").status_code == 404
        assert maker.http.get(f"documents/{secret}/content").status_code == 200
        assert reads_of(sessions, public) == []
        (entry,) = reads_of(sessions, secret)
        assert entry.organisation_id == maker.id

    def test_the_trail_keeps_the_name_of_a_secret_one_to_itself(
        self, sessions: Sessions, maker: Firm
    ) -> None:
        uploaded(maker.http, name="turbine-blade.pdf", confidentiality="secret")
        with audit.reading(sessions) as session:
            told = [entry for entry in every_entry(session) if entry.chain == maker.id]
        shown = str([entry.fact for entry in told])
        assert "document.upload" in shown
        assert "turbine" not in shown
        assert hashlib.sha256(PDF).hexdigest() not in shown

    def test_evidence_is_open_to_who_verifies(self, firms: Firms, maker: Firm) -> None:
        verifier = firms.administrator(Role.SECURITY_ADMIN)
        auditor = firms.administrator(Role.AUDIT_ADMIN)
        about = str(SystemClock().new_id())
        evidence = uploaded(maker.http, subject_kind="verification", subject_id=about)
        drawing = uploaded(maker.http)
        assert verifier.get(f"documents/{evidence}/content").status_code == 200
        assert verifier.get(f"documents/{drawing}/content").status_code == 404
        assert auditor.get(f"documents/{evidence}").status_code == 404


def test_a_document_is_deleted_by_its_owner_alone(maker: Firm, buyer: Firm) -> None:
    document_id = uploaded(maker.http, confidentiality="public")
    assert buyer.http.delete(f"documents/{document_id}").status_code == 404
    assert maker.http.delete(f"documents/{document_id}").status_code == 204
    assert maker.http.get(f"documents/{document_id}").status_code == 404
    assert maker.http.delete(f"documents/{document_id}").status_code == 404


def test_an_upload_repeated_under_its_key_is_one_document(maker: Firm) -> None:
    headers = {"content-type": "application/pdf", "idempotency-key": "upload-1"}

    def send(content: bytes) -> httpx.Response:
        return maker.http.post("documents", content=content, params={"name": "x"}, headers=headers)

    assert send(PDF).json()["id"] == send(PDF).json()["id"]
    assert send(PDF.replace(b"1.7", b"1.6")).json()["code"] == "idempotency-key-reused"


def test_nobody_uploads_without_signing_in(maker: Firm) -> None:
    answer = httpx.post(
        f"{maker.http.base_url}documents?name=x",
        content=PDF,
        headers={"content-type": "application/pdf"},
        trust_env=False,
    )
    assert answer.status_code == 401


def test_bytes_of_deleted_documents_are_swept_by_who_sees_everybody(
    sessions: Sessions, database_url: str, maker: Firm, buyer: Firm, tmp_path: Path
) -> None:
    kept, shared, gone = (PDF.replace(b"1.7", f"1.{n}".encode()) for n in (1, 2, 3))
    uploaded(maker.http, kept)
    uploaded(buyer.http, shared)
    for content in (shared, gone):
        maker.http.delete(f"documents/{uploaded(maker.http, content)}")
    storage = FolderStorage(tmp_path / "documents")

    class Later(SystemClock):
        def now(self) -> Any:
            return super().now() + timedelta(hours=2)

    engines = {
        role: engine_for(database_url, pool_max=1, application="t", role=role)
        for role in (APP, WORKER)
    }
    with pytest.raises(SweepUnsafeError):
        sweep(sessions=sessions_for(engines[APP]), storage=storage, clock=Later())
    assert sweep(sessions=sessions_for(engines[WORKER]), storage=storage, clock=Later()) == 1
    left = {path.read_bytes() for path in (tmp_path / "documents").glob("??/??/*")}
    assert left == {kept, shared}
    for engine in engines.values():
        engine.dispose()
    with transaction(sessions) as session:
        assert session.connection().execute(text("SELECT count(*) FROM document")).scalar_one() == 2
