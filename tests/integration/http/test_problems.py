"""Every refusal is a problem document in the asked language, whoever refuses."""

import json
from collections.abc import Callable, Iterator
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from structlog.testing import capture_logs

from gateway.http.app import create_app
from gateway.http.problems import database_problem
from marketplace.taxonomy.loader import load_taxonomy
from services.runtime.db import Sessions, engine_for, sessions_for
from services.runtime.settings import Settings
from tests.support.api import Market, served
from tests.support.clock import FrozenClock


def problem(response: httpx.Response, status: int, code: str) -> dict[str, object]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    document: dict[str, object] = response.json()
    assert document["status"] == status
    assert document["code"] == code
    assert document["type"] == f"urn:nonagon:problem:{code}"
    assert document["instance"] == f"urn:nonagon:request:{response.headers['x-request-id']}"
    return document


class TestRequests:
    def test_to_nowhere_are_told_so_in_both_languages(self, client: httpx.Client) -> None:
        english = client.get("machines", headers={"accept-language": "en"})
        chinese = client.get("machines", headers={"accept-language": "zh-CN,zh;q=0.9"})

        assert problem(english, 404, "unknown-route")["detail"] == (
            "Nothing is at /api/v1/machines; see /api/v1/openapi.json for what is."
        )
        assert problem(chinese, 404, "unknown-route")["detail"] == (
            "/api/v1/machines 不存在；可用接口见 /api/v1/openapi.json。"
        )
        assert chinese.headers["content-language"] == "zh"

    def test_by_a_wrong_method_learn_the_right_ones(self, client: httpx.Client) -> None:
        response = client.delete("offers")

        problem(response, 405, "method-not-allowed")
        assert set(response.headers["allow"].split(", ")) <= {"GET", "HEAD", "POST"}

    def test_that_are_not_json_are_refused(self, client: httpx.Client) -> None:
        headers = {"content-type": "application/json"}
        response = client.post("offers", content=b'{"title": ', headers=headers)

        problem(response, 400, "malformed-json")

    def test_name_each_wrong_field(self, client: httpx.Client, market: Market) -> None:
        signed = market.keyring.header(market.organisation())
        body = {"direction": 100, "title": "", "prize": 1}
        english = client.post("offers", json=body, headers=signed | {"accept-language": "en"})
        chinese = client.post("offers", json=body, headers=signed | {"accept-language": "zh"})

        assert _fields(problem(english, 422, "invalid-request")) >= {
            ("/direction", "Input should be less than or equal to 99"),
            ("/resource_ids", "Field required"),
            ("/prize", "Extra inputs are not permitted"),
        }
        assert _fields(problem(chinese, 422, "invalid-request")) >= {
            ("/direction", "应不大于 99"),
            ("/title", "至少 1 个字符"),
            ("/resource_ids", "必填"),
            ("/prize", "未知字段"),
        }

    def test_with_a_wrong_id_point_at_the_path(self, client: httpx.Client) -> None:
        document = problem(client.get("offers/seven"), 422, "invalid-request")

        assert document["errors"] == [
            {
                "pointer": "/offer_id",
                "in": "path",
                "code": "uuid-parsing",
                "message": str(document["errors"][0]["message"]),  # type: ignore[index]
            }
        ]

    @pytest.mark.parametrize("chunked", [False, True], ids=["declared", "chunked"])
    def test_over_a_mebibyte_are_refused(self, client: httpx.Client, *, chunked: bool) -> None:
        def pieces() -> Iterator[bytes]:
            for _ in range(17):
                yield b"x" * 65536

        content = pieces() if chunked else b"x" * (1024 * 1024 + 1)

        problem(client.post("offers", content=content), 413, "body-too-large")

    def test_of_exactly_a_mebibyte_are_read(self, client: httpx.Client, market: Market) -> None:
        signed = market.keyring.header(market.organisation())
        headers = signed | {"content-type": "application/json"}
        body = json.dumps({"title": ""}).encode().ljust(1024 * 1024)

        problem(client.post("offers", content=body, headers=headers), 422, "invalid-request")

    def test_for_a_host_nobody_configured_are_refused(self, client: httpx.Client) -> None:
        response = client.get("offers", headers={"host": "attacker.example"})

        problem(response, 421, "unknown-host")

    def test_for_a_thing_that_is_not_there_say_which(self, client: httpx.Client) -> None:
        document = problem(client.get(f"offers/{UUID(int=7)}"), 404, "offer-not-found")

        assert str(UUID(int=7)) in str(document["detail"])

    def test_keep_the_id_their_sender_gave_them(self, client: httpx.Client) -> None:
        given = client.get("nothing", headers={"x-request-id": "trace-17"})
        forged = client.get("nothing", headers={"x-request-id": "a b\tc"})

        assert problem(given, 404, "unknown-route")["instance"] == "urn:nonagon:request:trace-17"
        assert forged.headers["x-request-id"] != "a b\tc"


class TestAnswers:
    def test_carry_the_security_headers(self, client: httpx.Client) -> None:
        for response in (client.get("taxonomy/processes"), client.get("nothing")):
            policy = response.headers["content-security-policy"]
            assert "default-src 'self'" in policy
            assert "unsafe" not in policy
            assert response.headers["x-content-type-options"] == "nosniff"
            assert response.headers["x-frame-options"] == "DENY"


class TestUnexpectedErrors:
    @pytest.fixture
    def broken(self, sessions: Sessions, clock: FrozenClock) -> Iterator[httpx.Client]:
        app = _app(sessions, clock)

        @app.get("/broken")
        def broken() -> None:
            raise RuntimeError("the password is hunter2")

        with served(app) as url, httpx.Client(base_url=url, trust_env=False) as client:
            yield client

    def test_are_logged_and_told_without_their_insides(self, broken: httpx.Client) -> None:
        with capture_logs() as logged:
            response = broken.get("/broken")

        problem(response, 500, "internal-error")
        assert "hunter2" not in response.text
        assert "Traceback" not in response.text
        assert [(one["event"], one["log_level"]) for one in logged] == [
            ("unexpected error", "error")
        ]


def touch(session: Session) -> None:
    session.execute(text("SELECT 1"))


class TestDatabaseDown:
    @pytest.fixture
    def cut_off(self, clock: FrozenClock) -> Iterator[httpx.Client]:
        engine = engine_for("postgresql://nobody@127.0.0.1:1/none", pool_max=1, application="test")
        app = _app(sessions_for(engine), clock)
        with served(app) as url, httpx.Client(base_url=url, trust_env=False) as client:
            yield client
        engine.dispose()

    def test_is_named_and_worth_a_retry(self, cut_off: httpx.Client) -> None:
        english = cut_off.get("/api/v1/offers", headers={"accept-language": "en"})
        chinese = cut_off.get("/api/v1/offers", headers={"accept-language": "zh"})

        assert problem(english, 503, "database-unreachable")["detail"] == (
            "The database cannot be reached; nothing was changed. Try again shortly."
        )
        assert problem(chinese, 503, "database-unreachable")["detail"] == (
            "无法连接数据库；未作任何更改。请稍后重试。"
        )
        assert int(english.headers["retry-after"]) >= 1

    @pytest.mark.parametrize(
        ("last", "code"),
        [(Session.commit, "database-lost-at-commit"), (touch, "database-unreachable")],
    )
    def test_only_a_commit_leaves_open_whether_anything_was_changed(
        self, engine: Engine, last: Callable[[Session], None], code: str
    ) -> None:
        with Session(engine) as session, engine.connect() as other:
            pid = session.scalar(text("SELECT pg_backend_pid()"))
            other.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})
            with pytest.raises(DBAPIError) as lost:
                last(session)
        said = database_problem(lost.value)
        assert said is not None
        assert (said.status, said.code) == (503, code)

    def test_leaves_the_process_alive_but_not_ready(self, cut_off: httpx.Client) -> None:
        ready = cut_off.get("/readyz")

        assert cut_off.get("/livez").status_code == 200
        assert ready.status_code == 503
        assert "connection" in ready.json()["checks"]["database"]["cause"]

    def test_does_not_touch_what_needs_no_database(self, cut_off: httpx.Client) -> None:
        assert cut_off.get("/api/v1/taxonomy/processes").status_code == 200


class TestDatabaseComingBack:
    def test_is_used_again_without_a_restart(
        self, client: httpx.Client, market: Market, sessions: Sessions
    ) -> None:
        market.organisation("Before")
        with sessions() as session:
            session.connection().exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

        assert len(client.get("organisations").json()["items"]) == 1


def _app(sessions: Sessions, clock: FrozenClock) -> FastAPI:
    return create_app(
        settings=Settings(), sessions=sessions, clock=clock, catalogue=load_taxonomy()
    )


def _fields(document: dict[str, object]) -> set[tuple[str, str]]:
    errors = document["errors"]
    assert isinstance(errors, list)
    return {(error["pointer"], error["message"]) for error in errors}
