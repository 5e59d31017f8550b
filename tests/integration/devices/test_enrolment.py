"""From a one-time code to a credential and back: over HTTP, as the database's own roles."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import pytest
from sqlmodel import text
from typer.testing import CliRunner

from edge.cli import app as edge_cli
from edge.credential import read_credential
from services.contracts.access import Role
from services.devices import handlers as devices
from services.devices.domain import ENROLMENT_LASTS, ENROLMENTS_OPEN_MAX, Refusal
from services.devices.handlers import Admission
from services.runtime.db import Sessions, transaction
from tests.support.api import PLAIN, Keyring, served_app
from tests.support.clock import FrozenClock
from tests.support.devices import register_gateway

pytestmark = pytest.mark.integration


class Works:
    """A firm with a gateway, and a client that speaks for it."""

    def __init__(self, sessions: Sessions, clock: FrozenClock, url: str, *, group: str) -> None:
        organisation_id, gateway_id = register_gateway(sessions, clock, group=group)
        self.group = group
        self.organisation_id, self.gateway_id = str(organisation_id), str(gateway_id)
        self._keys = Keyring(sessions, clock)
        self._http = httpx.Client(
            base_url=f"{url}/api/v1/", trust_env=False, verify=PLAIN, timeout=30
        )

    def ask(self, method: str, path: str, *roles: Role, **options: Any) -> httpx.Response:
        key = self._keys.key(self.organisation_id, *roles)
        return self._http.request(
            method, path, headers={"authorization": f"Bearer {key}"}, **options
        )

    def code(self) -> str:
        response = self.ask("POST", f"gateways/{self.gateway_id}/enrolments")
        assert response.status_code == 201, response.text
        assert response.headers["cache-control"] == "no-store"
        return str(response.json()["code"])

    def redeem(self, code: str) -> httpx.Response:
        """As a gateway does: nobody in particular."""
        return self._http.post("enrolments/redeem", json={"code": code})

    def credential(self) -> dict[str, Any]:
        response = self.redeem(self.code())
        assert response.status_code == 201, response.text
        return dict(response.json())

    def close(self) -> None:
        self._http.close()


@pytest.fixture
def url(sessions: Sessions, clock: FrozenClock) -> Iterator[str]:
    with served_app(sessions, clock) as (_, address):
        yield address


@pytest.fixture
def works(sessions: Sessions, clock: FrozenClock, url: str) -> Iterator[Works]:
    made = Works(sessions, clock, url, group="works")
    yield made
    made.close()


@pytest.fixture
def rival(sessions: Sessions, clock: FrozenClock, url: str) -> Iterator[Works]:
    made = Works(sessions, clock, url, group="rival")
    yield made
    made.close()


def admitted(
    sessions: Sessions, clock: FrozenClock, gateway_id: str, secret: str
) -> Admission | Refusal:
    with transaction(sessions) as session:
        return devices.admit(
            session=session,
            clock=clock,
            connection_type="mqtt",
            client_id=gateway_id,
            username=gateway_id,
            password=secret,
        )


class TestCode:
    def test_gives_a_credential_that_lets_the_gateway_in(
        self, works: Works, sessions: Sessions, clock: FrozenClock
    ) -> None:
        given = works.credential()

        assert given["gateway_id"] == works.gateway_id
        assert (given["group"], given["edge_node"], given["host_id"]) == ("works", "gw", "nonagon")
        admission = admitted(sessions, clock, works.gateway_id, given["secret"])
        assert isinstance(admission, Admission)
        assert admission.credential_id == UUID(given["credential_id"])
        assert "spBv1//0.works.NBIRTH.gw" in admission.permissions.publish

    def test_and_secret_are_stored_as_hashes_only(self, works: Works, sessions: Sessions) -> None:
        code = works.code()
        secret = works.redeem(code).json()["secret"]
        with transaction(sessions) as session:
            rows = [
                str(row)
                for table in ("gateway_enrolment", "gateway_credential", "idempotency_key")
                for row in session.connection().execute(text(f"SELECT t::text FROM {table} t"))  # noqa: S608
            ]

        said = "\n".join(rows)
        assert works.gateway_id in said
        for hidden in (code, code.replace("-", ""), secret, secret.removeprefix("ngw_")):
            assert hidden not in said

    def test_is_spent_by_its_first_use(self, works: Works) -> None:
        code = works.code()
        assert works.redeem(code).status_code == 201

        again = works.redeem(code)
        assert (again.status_code, again.json()["code"]) == (409, "enrolment-code-spent")

    def test_is_worth_one_credential_however_many_race_for_it(
        self, works: Works, sessions: Sessions
    ) -> None:
        code = works.code()
        answers: list[int] = []
        racers = [
            threading.Thread(target=lambda: answers.append(works.redeem(code).status_code))
            for _ in range(8)
        ]
        for racer in racers:
            racer.start()
        for racer in racers:
            racer.join(timeout=30)

        assert sorted(answers) == [201, *[409] * 7]
        with transaction(sessions) as session:
            count = session.connection().execute(text("SELECT count(*) FROM gateway_credential"))
            assert count.scalar_one() == 1

    def test_expires(self, works: Works, clock: FrozenClock) -> None:
        code = works.code()
        clock.advance(ENROLMENT_LASTS)

        late = works.redeem(code)
        assert (late.status_code, late.json()["code"]) == (409, "enrolment-code-expired")

    @pytest.mark.parametrize("code", ["A" * 24, "guess", "'; --", "A" * 64])
    def test_that_nobody_made_is_refused(self, works: Works, code: str) -> None:
        refused = works.redeem(code)

        assert (refused.status_code, refused.json()["code"]) == (422, "enrolment-code-unknown")

    def test_cannot_be_guessed_at_leisure(self, works: Works) -> None:
        answers = [works.redeem("A" * 24) for _ in range(100)]

        limited = [answer for answer in answers if answer.status_code == 429]
        assert limited
        assert limited[0].headers["retry-after"]

    def test_waits_in_small_numbers_only(self, works: Works, clock: FrozenClock) -> None:
        for _ in range(ENROLMENTS_OPEN_MAX):
            works.code()

        path = f"gateways/{works.gateway_id}/enrolments"
        assert works.ask("POST", path).json()["code"] == "too-many-enrolments"
        clock.advance(ENROLMENT_LASTS)
        assert works.ask("POST", path).status_code == 201

    def test_for_a_chinese_reader_is_refused_in_chinese(self, url: str) -> None:
        said = httpx.post(
            f"{url}/api/v1/enrolments/redeem",
            json={"code": "guess"},
            headers={"accept-language": "zh"},
            trust_env=False,
        )
        assert "注册码" in said.json()["detail"]


class TestRevocation:
    def test_shuts_the_gateway_out_and_is_told_once(
        self, works: Works, sessions: Sessions, clock: FrozenClock
    ) -> None:
        given = works.credential()
        path = f"gateways/{works.gateway_id}/credentials/{given['credential_id']}/revoke"
        first, second = works.ask("POST", path), works.ask("POST", path)

        assert first.status_code == second.status_code == 200
        assert first.json() == second.json()
        assert first.json()["revoked_at"] is not None
        verdict = admitted(sessions, clock, works.gateway_id, given["secret"])
        assert verdict is Refusal.REVOKED
        with transaction(sessions) as session:
            told = session.connection().execute(
                text("SELECT payload FROM outbox_event WHERE subject LIKE '%credential-revoked%'")
            )
            assert [row.payload["credential_id"] for row in told] == [given["credential_id"]]

    def test_is_seen_in_the_list_and_no_secret_is(self, works: Works) -> None:
        first = works.credential()
        second = works.credential()
        works.ask(
            "POST", f"gateways/{works.gateway_id}/credentials/{first['credential_id']}/revoke"
        )

        listed = works.ask("GET", f"gateways/{works.gateway_id}/credentials")
        assert [(one["id"], one["revoked_at"] is None) for one in listed.json()["items"]] == [
            (first["credential_id"], False),
            (second["credential_id"], True),
        ]
        assert second["secret"] not in listed.text

    def test_of_the_former_comes_with_the_first_use_of_a_new_one(
        self, works: Works, sessions: Sessions, clock: FrozenClock
    ) -> None:
        former, renewed = works.credential(), works.credential()
        use = admitted(sessions, clock, works.gateway_id, former["secret"])
        assert isinstance(use, Admission), "it holds until the new one has worked"

        assert isinstance(admitted(sessions, clock, works.gateway_id, renewed["secret"]), Admission)
        verdict = admitted(sessions, clock, works.gateway_id, former["secret"])
        assert verdict is Refusal.REVOKED


class TestTrail:
    def test_tells_of_code_credential_and_revocation_and_no_secret(
        self, works: Works, sessions: Sessions, clock: FrozenClock
    ) -> None:
        former, renewed = works.credential(), works.credential()
        for secret in (former["secret"], renewed["secret"]):
            admitted(sessions, clock, works.gateway_id, secret)
        own = f"gateways/{works.gateway_id}/credentials"
        works.ask("POST", f"{own}/{renewed['credential_id']}/revoke")
        with transaction(sessions) as session:
            rows = session.connection().execute(
                text(
                    "SELECT subject_kind, subject_id, action, actor_kind, audit_entry::text AS said"
                    " FROM audit_entry WHERE subject_kind LIKE 'gateway_%'"
                    " AND organisation_id = :org ORDER BY seq"
                ),
                {"org": works.organisation_id},
            )
            entries = rows.all()

        first, second = former["credential_id"], renewed["credential_id"]
        revoked = "gateway_credential.revoke"
        assert [(one.action, one.actor_kind) for one in entries] == [
            ("gateway.enrol", "service_account"),
            ("enrolment.redeem", "anonymous"),
            ("gateway.enrol", "service_account"),
            ("enrolment.redeem", "anonymous"),
            (revoked, "platform"),
            (revoked, "service_account"),
        ]
        assert [one.subject_id for one in entries if one.action == revoked] == [first, second]
        said = "".join(one.said for one in entries)
        for hidden in (former["secret"], renewed["secret"]):
            assert hidden not in said


class TestOthers:
    def test_find_no_such_gateway(self, works: Works, rival: Works) -> None:
        given = works.credential()
        own = f"gateways/{works.gateway_id}"
        answers = [
            rival.ask("POST", f"{own}/enrolments"),
            rival.ask("GET", f"{own}/credentials"),
            rival.ask("POST", f"{own}/credentials/{given['credential_id']}/revoke"),
        ]
        assert [answer.json()["code"] for answer in answers] == ["gateway-not-found"] * 3

        mixed = f"gateways/{rival.gateway_id}/credentials/{given['credential_id']}/revoke"
        refused = rival.ask("POST", mixed)
        assert refused.json()["code"] == "gateway-credential-not-found"

    @pytest.mark.parametrize("role", [Role.BUYER, Role.EXPERT])
    def test_roles_may_not(self, works: Works, role: Role) -> None:
        own = f"gateways/{works.gateway_id}"

        assert works.ask("POST", f"{own}/enrolments", role).status_code == 403
        assert works.ask("GET", f"{own}/credentials", role).status_code == 403

    def test_nobody_in_particular_may_redeem_only(self, works: Works, url: str) -> None:
        path = f"{url}/api/v1/gateways/{works.gateway_id}/enrolments"
        assert httpx.post(path, trust_env=False).status_code == 401


class TestCommandLine:
    def test_fetches_the_credential_into_a_file_of_ones_own(
        self, works: Works, url: str, tmp_path: Path
    ) -> None:
        path = tmp_path / "credential.json"
        done = CliRunner().invoke(
            edge_cli, ["enroll", url, works.code().lower(), "--credential", str(path)]
        )

        assert done.exit_code == 0, done.output
        assert path.stat().st_mode & 0o777 == 0o600
        credential = read_credential(path)
        assert str(credential.gateway_id) == works.gateway_id
        assert credential.secret not in done.output
        assert credential.secret not in repr(credential)

    def test_says_why_not(self, url: str, tmp_path: Path) -> None:
        path = tmp_path / "credential.json"
        refused = CliRunner().invoke(edge_cli, ["enroll", url, "guess", "--credential", str(path)])

        assert refused.exit_code == 1
        assert "enrolment code is none of ours" in refused.output.replace("\n", " ")
        assert not path.exists()

    def test_spends_no_code_on_a_folder_it_cannot_write(
        self, works: Works, url: str, tmp_path: Path
    ) -> None:
        code = works.code()
        missing = str(tmp_path / "missing" / "credential.json")
        refused = CliRunner().invoke(edge_cli, ["enroll", url, code, "--credential", missing])

        assert refused.exit_code == 1
        assert works.redeem(code).status_code == 201

    @pytest.mark.parametrize("address", ["ftp://x", "platform.example", "http://192.0.2.1:8000"])
    def test_takes_no_secret_from_just_anywhere(self, address: str, tmp_path: Path) -> None:
        path = tmp_path / "credential.json"
        refused = CliRunner().invoke(
            edge_cli, ["enroll", address, "A" * 24, "--credential", str(path)]
        )
        assert refused.exit_code == 1
        assert urlsplit(address).path in refused.output


def test_clocks_of_the_code_are_the_platforms(works: Works, clock: FrozenClock) -> None:
    response = works.ask("POST", f"gateways/{works.gateway_id}/enrolments")

    expected = (clock.now() + timedelta(hours=1)).isoformat().replace("+00:00", "Z")
    assert response.json()["expires_at"] == expected
