"""A simulated machine is closed: encrypted sessions that may look, everything else counted."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from asyncua import ua
from asyncua.client.client import Client
from asyncua.crypto.security_policies import (
    SecurityPolicyAes256Sha256RsaPss,
    SecurityPolicyBasic256Sha256,
)
from asyncua.ua.uaerrors import BadUserAccessDenied, UaError
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateway.plant.certificates import Certificates, KeyUnreadableError, issue, make_key
from gateway.plant.clock import SystemClock
from services.contracts import machinery
from tests.integration.plant.conftest import Start
from tests.support.opcua import read, variable

pytestmark = pytest.mark.integration
Connect = Callable[..., AbstractAsyncContextManager[Client]]


@pytest.fixture
def connect() -> Connect:
    """An encrypted session of a client the plant has never seen."""
    now = datetime.now(UTC)  # noqa: TID251 - certificates are valid now
    own = issue(make_key(), "visitor", valid_from=now, valid_to=now + timedelta(hours=1))
    key = own.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())

    @asynccontextmanager
    async def connected(
        url: str, policy: type = SecurityPolicyBasic256Sha256
    ) -> AsyncIterator[Client]:
        client = Client(url)
        await client.set_security(policy, own.certificate.public_bytes(Encoding.DER), key)
        async with client:
            yield client

    return connected


class TestEncryption:
    @pytest.mark.parametrize(
        "policy", [SecurityPolicyBasic256Sha256, SecurityPolicyAes256Sha256RsaPss]
    )
    async def test_lets_a_client_look(self, start: Start, connect: Connect, policy: type) -> None:
        async with (
            start("mill-01", offers_none=False) as running,
            connect(running.url("mill-01"), policy) as client,
        ):
            assert await read(client, machinery.SERIAL_NUMBER) == "SN-mill-01"
            (status,) = await running.status()
            assert status["encrypted_only"] is True
            assert status["writes_attempted"] == 0

    async def test_is_the_only_thing_offered(self, start: Start) -> None:
        async with start("mill-01", offers_none=False) as running:
            client = Client(running.url("mill-01"))
            endpoints = await client.connect_and_get_server_endpoints()
            modes = {endpoint.SecurityMode for endpoint in endpoints}
            assert modes == {ua.MessageSecurityMode.SignAndEncrypt}
            with pytest.raises(UaError):
                await client.connect()

    async def test_cannot_be_gone_around_by_a_client_that_ignores_the_offer(
        self, start: Start, connect: Connect, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with (
            start("mill-01", offers_none=False) as running,
            connect(running.url("mill-01")) as other,
        ):
            (endpoint, *_) = await other.get_endpoints()
            monkeypatch.setattr(Client, "find_endpoint", staticmethod(lambda *_: endpoint))
            with pytest.raises(BadUserAccessDenied):
                await Client(running.url("mill-01")).connect()
            intruder = Client(running.url("mill-01"))
            await intruder.connect_sessionless()
            try:  # takes over a session whose token it has guessed
                token = other.uaclient.session.authentication_token
                intruder.uaclient.session.restore_authentication_token(token)
                with pytest.raises(UaError):
                    await intruder.uaclient.session.activate_session(
                        ua.ActivateSessionParameters(UserIdentityToken=ua.AnonymousIdentityToken())
                    )
                number = (await variable(other, machinery.PARTS_PRODUCED)).nodeid
                for command in (
                    intruder.get_node(number).read_value(),
                    intruder.get_node(number).write_value(0, ua.VariantType.UInt32),
                ):
                    with pytest.raises(BadUserAccessDenied):
                        await command
            finally:
                intruder.disconnect_socket()
            (status,) = await running.status()
            assert status["attempts"]["Write"] == 1


class TestCommands:
    async def test_are_refused_and_counted_by_service(self, start: Start, connect: Connect) -> None:
        async with (
            start("mill-01", offers_none=False) as running,
            connect(running.url("mill-01")) as client,
        ):
            parts = await variable(client, machinery.PARTS_PRODUCED)
            session = client.uaclient.session
            before = await parts.read_value()
            method = ua.CallMethodRequest(ObjectId=parts.nodeid, MethodId=parts.nodeid)
            for command in (
                parts.write_value(0, ua.VariantType.UInt32),
                session.call([method, method]),
                session.history_update(ua.HistoryUpdateParameters()),
                parts.add_object(2, "mine"),
                session.delete_nodes(ua.DeleteNodesParameters()),
            ):
                with pytest.raises(BadUserAccessDenied):
                    await command
            assert await parts.read_value() == before
            (status,) = await running.status()
            counted = {name: count for name, count in status["attempts"].items() if count}
            assert counted == {
                "Write": 1,
                "Call": 1,
                "HistoryUpdate": 1,
                "AddNodes": 1,
                "DeleteNodes": 1,
            }
            assert status["writes_attempted"] == 5

    async def test_are_not_for_an_admin_either(self, start: Start) -> None:
        async with start("mill-01") as running:
            client = Client(running.url("mill-01"))
            client.set_user("admin")
            client.set_password("admin")
            with pytest.raises((UaError, IndexError)):
                await client.connect()


class TestCertificates:
    def test_stay_between_runs_and_are_for_this_account_alone(self, tmp_path: Path) -> None:
        first = Certificates(tmp_path, SystemClock()).identity("mill-01")
        again = Certificates(tmp_path, SystemClock())
        assert again.identity("mill-01").fingerprint == first.fingerprint
        assert again.identity("mill-02").fingerprint != first.fingerprint
        folder = tmp_path / "plant" / "certificates"
        assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
        assert folder.stat().st_mode & 0o777 == 0o700

    def test_of_another_key_are_made_anew(self, tmp_path: Path) -> None:
        first = Certificates(tmp_path, SystemClock()).identity("mill-01")
        (tmp_path / "plant" / "certificates" / "key.pem").unlink()
        again = Certificates(tmp_path, SystemClock()).identity("mill-01")
        assert again.fingerprint != first.fingerprint

    def test_name_a_key_that_is_none(self, tmp_path: Path) -> None:
        folder = tmp_path / "plant" / "certificates"
        folder.mkdir(parents=True)
        (folder / "key.pem").write_text("not a key")
        with pytest.raises(KeyUnreadableError, match="remove it"):
            Certificates(tmp_path, SystemClock())
