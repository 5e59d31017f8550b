"""A session is encrypted to a server a person has confirmed, or there is none, with its name."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import pytest
from asyncua.ua.uaerrors import UaError
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from typer.testing import CliRunner

from edge.cli import app
from edge.config import EdgeConfig, IdentityConfig, SecurityPolicy, dump_config
from edge.drivers import opcua_channel
from edge.drivers.certificates import open_identity
from edge.drivers.opcua_channel import CHUNK_BYTES_MAX, Channel, discover, open_channel
from edge.drivers.opcua_trust import RefusedError, load_trusted
from edge.drivers.protocol import Refusal
from gateway.plant.blueprint import Blueprint
from gateway.plant.certificates import Identity, issue, make_key
from tests.integration.edge.fixtures import edge_config
from tests.integration.edge.machines import DEVICE, LiveMachine

pytestmark = pytest.mark.integration

NOW = datetime.now(UTC)  # noqa: TID251 - certificates are valid now
DAY = timedelta(days=1)
TAKEN_MAX = 8_000_000
"""What a hung-up server may have sent: a chunk, and what lay in the sockets' buffers."""
ENCRYPTED = [policy for policy in SecurityPolicy if policy is not SecurityPolicy.NONE]


def issued(device: str = DEVICE, *, since: timedelta = DAY, lasts: timedelta = 2 * DAY) -> Identity:
    return issue(make_key(), device, valid_from=NOW - since, valid_to=NOW - since + lasts)


def der(identity: Identity) -> bytes:
    return identity.certificate.public_bytes(Encoding.DER)


@pytest.fixture
def identity() -> Identity:
    return issued()


@pytest.fixture
async def machine(blueprint: Blueprint, identity: Identity) -> AsyncIterator[LiveMachine]:
    """Encrypted sessions only."""
    async with LiveMachine(blueprint, identity=identity, offers_none=False) as live:
        yield live


@pytest.fixture
def config(machine: LiveMachine, identity: Identity, tmp_path: Path) -> EdgeConfig:
    return configured(machine, tmp_path, identity)


def configured(
    machine: LiveMachine,
    folder: Path,
    *trusted: Identity,
    security: SecurityPolicy = SecurityPolicy.BASIC256_SHA256,
) -> EdgeConfig:
    return edge_config(
        mqtt_url="mqtt://127.0.0.1:1",
        opcua_url=machine.url,
        journal=folder / "journal.db",
        security=security,
        trust=[one.fingerprint for one in trusted],
    )


async def opened(config: EdgeConfig, *, now: datetime = NOW) -> Channel:
    (machine,) = config.machines
    trusted = await load_trusted(frozenset(machine.endpoint.trust), config.trust_folder(machine))
    own = open_identity(config, now=NOW)
    return await open_channel(machine, own, trusted, now=now)


async def refusal_of(config: EdgeConfig, *, now: datetime = NOW) -> tuple[Refusal, str]:
    with pytest.raises(RefusedError) as caught:
        await opened(config, now=now)
    return caught.value.refusal, str(caught.value)


async def looks(channel: Channel) -> bool:
    """Whether the session works; closes it."""
    found = await channel.client.get_namespace_array()
    await channel.client.disconnect()
    return len(found) > 1


class TestSession:
    @pytest.mark.parametrize("policy", ENCRYPTED)
    async def test_is_by_the_named_policy_or_not_at_all(
        self, machine: LiveMachine, identity: Identity, tmp_path: Path, policy: SecurityPolicy
    ) -> None:
        config = configured(machine, tmp_path, identity, security=policy)
        if policy is SecurityPolicy.AES128_SHA256_RSA_OAEP:
            refusal, cause = await refusal_of(config)
            assert refusal is Refusal.NOT_OFFERED
            assert "it offers Aes256Sha256RsaPss with SignAndEncrypt, Basic256Sha256" in cause
            return
        channel = await opened(config)
        assert channel.certificate_until == identity.certificate.not_valid_after_utc
        assert channel.client.security_policy.URI.endswith(policy[-6:])
        assert await looks(channel)

    async def test_goes_on_when_its_keys_are_renewed(
        self, config: EdgeConfig, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(opcua_channel, "CHANNEL_LIFETIME_MS", 800)
        channel = await opened(config)
        for _ in range(6):
            await asyncio.sleep(0.4)
            await channel.client.get_namespace_array()
        assert await looks(channel)


class TestRefused:
    async def test_is_who_nobody_confirmed(self, machine: LiveMachine, tmp_path: Path) -> None:
        refusal, cause = await refusal_of(configured(machine, tmp_path))
        assert refusal is Refusal.UNCONFIRMED
        assert "run `nonagon-edge trust`" in cause

    async def test_is_another_certificate_than_the_pinned(
        self, config: EdgeConfig, machine: LiveMachine, identity: Identity
    ) -> None:
        other = issued()
        await machine.shows(other)
        refusal, cause = await refusal_of(config)
        assert refusal is Refusal.SWAPPED
        assert other.fingerprint in cause
        assert f"pinned is {identity.fingerprint}" in cause
        await machine.shows(identity)
        assert await looks(await opened(config))

    @pytest.mark.parametrize("since", [3 * DAY, -DAY], ids=["over", "not yet"])
    async def test_is_a_pinned_certificate_out_of_its_time(
        self, machine: LiveMachine, tmp_path: Path, since: timedelta
    ) -> None:
        late = issued(since=since)
        await machine.shows(late)
        refusal, cause = await refusal_of(configured(machine, tmp_path, late))
        assert refusal is Refusal.EXPIRED
        assert "renew it at the machine" in cause

    async def test_is_a_pinned_certificate_of_another_application(
        self, machine: LiveMachine, tmp_path: Path
    ) -> None:
        other = issued("mill-08")
        await machine.shows(other)
        refusal, cause = await refusal_of(configured(machine, tmp_path, other))
        assert refusal is Refusal.UNFIT
        assert "of another application" in cause

    async def test_is_a_server_that_offers_less(
        self, config: EdgeConfig, machine: LiveMachine
    ) -> None:
        await machine.shows(None)
        refusal, cause = await refusal_of(config)
        assert refusal is Refusal.NOT_OFFERED
        assert cause.endswith("it offers None")

    async def test_is_the_agent_s_own_certificate_when_it_is_over(self, config: EdgeConfig) -> None:
        refusal, cause = await refusal_of(config, now=NOW + 6 * 365 * DAY)
        assert refusal is Refusal.OWN_EXPIRED
        assert "own.der expired on" in cause

    async def test_is_a_server_that_shows_a_certificate_whose_key_it_lacks(
        self, config: EdgeConfig, machine: LiveMachine, identity: Identity
    ) -> None:
        await machine.shows(Identity(make_key(), identity.certificate))
        with pytest.raises((OSError, TimeoutError, RefusedError)):
            await opened(config)


class TestTrustFolder:
    async def test_holds_certificates_for_one_machine_alone(
        self, machine: LiveMachine, identity: Identity, tmp_path: Path
    ) -> None:
        config = configured(machine, tmp_path)
        folder = config.pki_folder / "trusted"
        (folder / "mill-08").mkdir(parents=True)
        (folder / "mill-08" / "one.der").write_bytes(der(identity))
        assert (await refusal_of(config))[0] is Refusal.UNCONFIRMED
        (folder / DEVICE).mkdir()
        pem = identity.certificate.public_bytes(Encoding.PEM)
        (folder / DEVICE / "one.pem").write_bytes(pem)
        assert await looks(await opened(config))

    async def test_holds_authorities_and_what_they_revoked(
        self, machine: LiveMachine, identity: Identity, tmp_path: Path
    ) -> None:
        authority = Authority()
        signed = authority.sign(identity)
        await machine.shows(signed)
        config = configured(machine, tmp_path)
        folder = config.trust_folder(config.machines[0])
        (folder / "crl").mkdir(parents=True)
        (folder / "works.der").write_bytes(authority.certificate.public_bytes(Encoding.DER))
        assert await looks(await opened(config))
        (folder / "crl" / "works.der").write_bytes(authority.revoke(signed))
        assert (await refusal_of(config))[0] is Refusal.REVOKED

    async def test_with_something_else_in_it_is_named(
        self, machine: LiveMachine, tmp_path: Path
    ) -> None:
        config = configured(machine, tmp_path)
        folder = config.trust_folder(config.machines[0])
        folder.mkdir(parents=True)
        (folder / "one.der").write_text("no certificate")
        refusal, cause = await refusal_of(config)
        assert refusal is Refusal.UNCONFIRMED
        assert "one.der" in cause


class Authority:
    """A works' own authority over its machines."""

    def __init__(self) -> None:
        self._key = make_key()
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Works CA")])
        public = self._key.public_key()
        self.certificate = (
            x509.CertificateBuilder(self._name, self._name, public, x509.random_serial_number())
            .not_valid_before(NOW - DAY)
            .not_valid_after(NOW + DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(self._key, hashes.SHA256())
        )

    def sign(self, identity: Identity) -> Identity:
        """The same certificate, but from this authority."""
        old = identity.certificate
        builder = x509.CertificateBuilder(
            self._name, old.subject, old.public_key(), x509.random_serial_number()
        )
        builder = builder.not_valid_before(old.not_valid_before_utc)
        builder = builder.not_valid_after(old.not_valid_after_utc)
        for extension in old.extensions:
            builder = builder.add_extension(extension.value, extension.critical)
        return Identity(identity.key, builder.sign(self._key, hashes.SHA256()))

    def revoke(self, identity: Identity) -> bytes:
        revoked = x509.RevokedCertificateBuilder(
            identity.certificate.serial_number, revocation_date=NOW - DAY
        ).build()
        builder = x509.CertificateRevocationListBuilder(
            self._name, last_update=NOW - DAY, next_update=NOW + DAY
        )
        signed = builder.add_revoked_certificate(revoked).sign(self._key, hashes.SHA256())
        return signed.public_bytes(Encoding.DER)


class Commands:
    """``nonagon-edge`` with a configuration in a file."""

    def __init__(self, config: EdgeConfig, folder: Path) -> None:
        self._path = folder / "edge.yaml"
        self._path.write_text(dump_config(config), encoding="utf-8")

    async def trust(self, *options: str, said: str = "") -> tuple[int, str]:
        return await asyncio.to_thread(self._run, ["trust", str(self._path), *options], said)

    def certificate(self) -> tuple[int, str]:
        return self._run(["certificate", str(self._path)], "")

    @staticmethod
    def _run(arguments: list[str], said: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, arguments, input=said, env={"COLUMNS": "40"})
        return done.exit_code, done.output


class TestCommandLine:
    async def test_shows_a_certificate_and_pins_it_when_a_person_says_so(
        self, machine: LiveMachine, identity: Identity, tmp_path: Path
    ) -> None:
        config = configured(machine, tmp_path)
        commands = Commands(config, tmp_path)
        code, output = await commands.trust(DEVICE, said="n\n")
        assert code == 1
        assert identity.fingerprint in output
        assert (await refusal_of(config))[0] is Refusal.UNCONFIRMED
        code, output = await commands.trust(DEVICE, said="y\n")
        assert code == 0, output
        assert await looks(await opened(config))
        code, output = await commands.trust(DEVICE)
        assert (code, "is trusted already" in output) == (0, True)

    async def test_pins_unasked_only_what_it_was_told_to_expect(
        self, machine: LiveMachine, identity: Identity, tmp_path: Path
    ) -> None:
        config = configured(machine, tmp_path)
        commands = Commands(config, tmp_path)
        code, output = await commands.trust(DEVICE, "--fingerprint", f"sha256:{'0' * 64}")
        assert (code, "nothing was pinned" in output) == (1, True)
        code, output = await commands.trust(DEVICE, "--fingerprint", identity.fingerprint.upper())
        assert code == 0, output

    async def test_replaces_what_was_pinned_before(
        self, machine: LiveMachine, identity: Identity, tmp_path: Path
    ) -> None:
        config = configured(machine, tmp_path)
        commands = Commands(config, tmp_path)
        await commands.trust(DEVICE, said="y\n")
        other = issued()
        await machine.shows(other)
        assert (await refusal_of(config))[0] is Refusal.SWAPPED
        await commands.trust(DEVICE, said="y\n")
        assert await looks(await opened(config))
        await machine.shows(identity)
        assert (await refusal_of(config))[0] is Refusal.SWAPPED

    async def test_pins_nothing_that_would_be_refused_even_so(
        self, machine: LiveMachine, tmp_path: Path
    ) -> None:
        await machine.shows(issued(since=3 * DAY))
        config = configured(machine, tmp_path)
        code, output = await Commands(config, tmp_path).trust(DEVICE, said="y\n")
        assert (code, "renew it at the machine" in output) == (1, True)
        assert not config.trust_folder(config.machines[0]).exists()

    async def test_names_who_is_not_there(self, machine: LiveMachine, tmp_path: Path) -> None:
        commands = Commands(configured(machine, tmp_path), tmp_path)
        code, output = await commands.trust("mill-70")
        assert (code, "has no device mill-70; it has mill-07" in output) == (1, True)
        await machine.close()
        code, output = await commands.trust(DEVICE)
        assert (code, f"{DEVICE} at {machine.url}: " in output) == (1, True)

    def test_shows_the_agent_s_own_certificate(self, tmp_path: Path) -> None:
        config = edge_config(
            mqtt_url="mqtt://127.0.0.1:1",
            opcua_url="opc.tcp://127.0.0.1:1",
            journal=tmp_path / "journal.db",
        )
        code, output = Commands(config, tmp_path).certificate()
        assert (code, "own.der" in output, "urn:nonagon:edge:" in output) == (0, True, True)
        given = IdentityConfig(certificate=tmp_path / "no.der", key=tmp_path / "no.key")
        lost = config.model_copy(update={"identity": given})
        code, output = Commands(lost, tmp_path).certificate()
        assert (code, "no.der" in output) == (1, True)


class Impostor:
    """Answers whatever it is asked with ``answer``, again and again."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self.url = ""
        self.sent_bytes = 0
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"opc.tcp://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        try:
            while True:
                writer.write(self._answer)
                await writer.drain()
                self.sent_bytes += len(self._answer)
                await asyncio.sleep(0)
        except ConnectionError:
            writer.close()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opcua_channel, "REQUEST_TIMEOUT_S", 1.0)


@pytest.mark.usefixtures("impatient")
class TestImpostor:
    @pytest.mark.parametrize(
        "answer",
        [
            b"\x00" * 64,
            b"HTTP/1.1 400 Bad Request\r\n\r\n",
            b"ACKF\x1c\x00\x00\x00" + b"\xff" * 20,
            b"ERRF\x10\x00\x00\x00" + b"\x00\x00\x80\x80" + b"\xff" * 4,
            b"ACKF\xff\xff\xff\x7f" + b"\x00" * CHUNK_BYTES_MAX,
            b"MSGF\xff\xff\xff\x7f" + b"\x00" * CHUNK_BYTES_MAX,
        ],
        ids=["zeros", "http", "ack", "error", "huge ack", "huge message"],
    )
    async def test_is_answered_with_a_named_failure_in_bounded_time_and_memory(
        self, answer: bytes
    ) -> None:
        async with Impostor(answer) as impostor:
            with pytest.raises((OSError, TimeoutError, RefusedError, UaError)):
                await asyncio.wait_for(discover(impostor.url), 10)
            assert impostor.sent_bytes < TAKEN_MAX
