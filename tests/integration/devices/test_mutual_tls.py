"""MQTT by TLS with a certificate on both sides, made by ``nonagon ca``."""

import asyncio
import socket
import ssl
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from typer.testing import CliRunner

from edge.config import BrokerConfig, EdgeConfig, GatewayConfig, JournalConfig, MachineConfig
from edge.credential import GatewayCredential, write_credential
from edge.north.identity import sign_in
from edge.north.mqtt import BrokerUnavailableError, LinkLostError, MqttLink, Will
from gateway.commands.ca import (
    AuthorityExistsError,
    InvalidCertificateNameError,
    NoAuthorityError,
    ca_app,
    create_authority,
    issue,
    read_authority,
)
from gateway.ingest.host import SparkplugHost
from gateway.ingest.inbox import Inbox
from services.runtime.clock import SystemClock
from services.runtime.db import Sessions
from services.runtime.embedded.nats import EmbeddedNats, MqttTls
from services.runtime.mqtt_tls import (
    BROKER,
    CA,
    MqttCertificateError,
    certificate_of,
    key_of,
    mqtt_client_context,
)
from tests.support.devices import Enrolled, GuardThread, MqttTry, enrol
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration

GATEWAY = "gw"


def made(folder: Path, *names: str) -> Path:
    assert CliRunner().invoke(ca_app, ["init", str(folder)]).exit_code == 0
    for name in names:
        assert CliRunner().invoke(ca_app, ["issue", str(folder), name]).exit_code == 0
    return folder


def shown(folder: Path, name: str, *, ca: Path) -> dict[str, Any]:
    """What an MQTT client shows that believes ``ca``."""
    return {
        "ca_certs": str(certificate_of(ca, CA)),
        "certfile": str(certificate_of(folder, name)),
        "keyfile": str(key_of(folder, name)),
    }


@dataclass(frozen=True)
class Plant:
    """A broker behind certificates, its guard, and a gateway that may come."""

    broker: EmbeddedNats
    folder: Path
    gateway: Enrolled

    def try_mqtt(self, **tls: Any) -> MqttTry:
        return MqttTry.of(self.broker, self.gateway, **tls)


@pytest.fixture
def plant(tmp_path: Path, sessions: Sessions) -> Iterator[Plant]:
    folder = made(tmp_path / "ca", GATEWAY)
    tls = MqttTls(
        ca=certificate_of(folder, CA),
        certificate=certificate_of(folder, BROKER),
        key=key_of(folder, BROKER),
    )
    gateway = enrol(sessions, SystemClock(), group="works", edge_node=GATEWAY)
    with (
        EmbeddedNats(tmp_path / "state", mqtt_tls=tls) as broker,
        GuardThread(broker, sessions),
    ):
        yield Plant(broker, folder, gateway)


class TestListener:
    def test_takes_a_gateway_with_certificate_and_credential(self, plant: Plant) -> None:
        assert plant.broker.mqtt_url.startswith("mqtts://")
        with plant.try_mqtt(**shown(plant.folder, GATEWAY, ca=plant.folder)) as gateway:
            assert gateway.connected().subscribe(plant.gateway.topic("NCMD")) == "Granted QoS 1"

    def test_needs_the_credential_too(self, plant: Plant) -> None:
        tls = shown(plant.folder, GATEWAY, ca=plant.folder)
        MqttTry.of(plant.broker, plant.gateway, password="ngw_" + "0" * 64, **tls).refused().close()

    def test_refuses_who_shows_no_certificate(self, plant: Plant) -> None:
        plant.try_mqtt(ca_certs=str(certificate_of(plant.folder, CA))).refused().close()

    def test_refuses_a_certificate_of_another_authority(self, plant: Plant, tmp_path: Path) -> None:
        other = made(tmp_path / "other", GATEWAY)
        plant.try_mqtt(**shown(other, GATEWAY, ca=plant.folder)).refused().close()

    def test_refuses_a_certificate_that_ran_out(self, plant: Plant) -> None:
        issue(
            read_authority(plant.folder),
            plant.folder,
            "old",
            usage=[ExtendedKeyUsageOID.CLIENT_AUTH],
            hosts=(),
            days=1,
            now=datetime.now(UTC) - timedelta(days=2),  # noqa: TID251 - TLS reads the real clock
        )
        plant.try_mqtt(**shown(plant.folder, "old", ca=plant.folder)).refused().close()

    def test_speaks_nothing_in_the_clear(self, plant: Plant) -> None:
        in_the_clear = MqttTry.of(plant.broker, plant.gateway)
        in_the_clear.refused().close()

    def test_is_not_believed_by_a_gateway_of_another_authority(
        self, plant: Plant, tmp_path: Path
    ) -> None:
        context = ssl.create_default_context(cafile=certificate_of(made(tmp_path / "other"), CA))
        place = urlsplit(plant.broker.mqtt_url)
        with (
            socket.create_connection((place.hostname, place.port or 0)) as plain,
            pytest.raises(ssl.SSLCertVerificationError),
        ):
            context.wrap_socket(plain, server_hostname=place.hostname)


class TestAgent:
    def config(self, plant: Plant, tmp_path: Path, **changed: Any) -> EdgeConfig:
        given = plant.gateway.credential
        credential = GatewayCredential(
            gateway_id=given.credential.gateway_id,
            credential_id=given.credential.id,
            secret=given.secret,
            group=given.group,
            edge_node=given.edge_node,
            host_id="nonagon",
        )
        write_credential(tmp_path / "credential.json", credential)
        broker = {
            "url": plant.broker.mqtt_url,
            "credential": tmp_path / "credential.json",
            "ca": certificate_of(plant.folder, CA),
            "certificate": certificate_of(plant.folder, GATEWAY),
            "key": key_of(plant.folder, GATEWAY),
        }
        machine = {"device": "m1", "machine": "M", "endpoint": {"url": "opc.tcp://127.0.0.1:1"}}
        return EdgeConfig(
            schema_version=1,
            gateway=GatewayConfig(group="works", edge_node=GATEWAY),
            broker=BrokerConfig.model_validate(broker | changed),
            journal=JournalConfig(path=tmp_path / "journal.db"),
            machines=[MachineConfig.model_validate(machine)],
        )

    async def link(self, config: EdgeConfig) -> MqttLink:
        link = MqttLink(
            url=config.broker.url,
            sign_in=sign_in(config),
            keepalive_s=10,
            will=Will("spBv1.0/works/NDEATH/gw", b""),
            on_event=lambda: None,
        )
        await link.connect()
        return link

    async def test_signs_in_with_both(self, plant: Plant, tmp_path: Path) -> None:
        link = await self.link(self.config(plant, tmp_path))
        await link.subscribe(["spBv1.0/works/NCMD/gw", "spBv1.0/STATE/nonagon"])
        await link.close(with_death=True)

    async def test_without_its_certificate_is_told_so(self, plant: Plant, tmp_path: Path) -> None:
        bare = self.config(plant, tmp_path, certificate=None, key=None)
        with pytest.raises((BrokerUnavailableError, LinkLostError)):
            await self.link(bare)

    def test_names_the_file_it_misses(self, plant: Plant, tmp_path: Path) -> None:
        missing = self.config(plant, tmp_path, ca=tmp_path / "none.pem")
        with pytest.raises(BrokerUnavailableError, match="certificates for mqtts://"):
            sign_in(missing)
        missing = self.config(plant, tmp_path, credential=tmp_path / "none.json")
        with pytest.raises(BrokerUnavailableError, match=r"none\.json.*nonagon-edge enroll"):
            sign_in(missing)

    def test_takes_no_credential_of_another_gateway(self, plant: Plant, tmp_path: Path) -> None:
        config = self.config(plant, tmp_path)
        other = config.model_copy(update={"gateway": GatewayConfig(group="b", edge_node="gw")})
        with pytest.raises(BrokerUnavailableError, match=r"is for works/gw, .* says b/gw"):
            sign_in(other)

    def test_names_a_damaged_credential(self, plant: Plant, tmp_path: Path) -> None:
        config = self.config(plant, tmp_path)
        (tmp_path / "credential.json").write_text("{")
        with pytest.raises(BrokerUnavailableError, match="is damaged"):
            sign_in(config)


class TestIngest:
    async def test_comes_by_tls_with_its_own_certificate(self, plant: Plant) -> None:
        url = plant.broker.mqtt_url_of("ingest")
        host = SparkplugHost(
            url=url,
            inbox=Inbox(),
            clock=SystemClock(),
            tls=mqtt_client_context(url, plant.folder),
        )
        host.start()
        try:
            await asyncio.to_thread(eventually, lambda: host.is_listening, what="the ingest")
        finally:
            await asyncio.to_thread(host.stop)

    def test_names_the_certificate_it_misses(self, tmp_path: Path) -> None:
        with pytest.raises(MqttCertificateError, match="'ingest'"):
            mqtt_client_context("mqtts://127.0.0.1:1", tmp_path)

    def test_in_the_clear_needs_none(self, tmp_path: Path) -> None:
        assert mqtt_client_context("mqtt://127.0.0.1:1", tmp_path) is None


class TestAuthority:
    def test_keeps_its_keys_to_itself(self, tmp_path: Path) -> None:
        folder = made(tmp_path / "ca", "gw-1")
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}

        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert {name for name in modes if name.endswith(".key")} == {
            "ca.key",
            "broker.key",
            "ingest.key",
            "gw-1.key",
        }
        assert all(mode == 0o600 for name, mode in modes.items() if name.endswith(".key"))

    def test_is_not_made_over_another(self, tmp_path: Path) -> None:
        folder = made(tmp_path / "ca")
        before = certificate_of(folder, CA).read_bytes()
        with pytest.raises(AuthorityExistsError):
            create_authority(folder, now=datetime.now(UTC))  # noqa: TID251 - not looked at
        assert certificate_of(folder, CA).read_bytes() == before

    def test_is_asked_for_where_there_is_none(self, tmp_path: Path) -> None:
        with pytest.raises(NoAuthorityError, match="nonagon ca init"):
            read_authority(tmp_path)

    @pytest.mark.parametrize("name", ["ca", "../gw", "GW", "", "a/b"])
    def test_signs_no_name_that_is_no_file(self, tmp_path: Path, name: str) -> None:
        folder = made(tmp_path / "ca")
        refused = CliRunner().invoke(ca_app, ["issue", str(folder), "--", name])
        assert isinstance(refused.exception, InvalidCertificateNameError)

    def test_renews_the_brokers_with_the_names_it_had(self, tmp_path: Path) -> None:
        folder = tmp_path / "ca"
        hosts = ["--host", "mqtt.works.example", "--host", "192.0.2.7"]
        CliRunner().invoke(ca_app, ["init", str(folder), *hosts])
        first = self.names(certificate_of(folder, BROKER))
        CliRunner().invoke(ca_app, ["issue", str(folder), BROKER])

        assert self.names(certificate_of(folder, BROKER)) == first
        assert first == ["127.0.0.1", "localhost", "mqtt.works.example", "192.0.2.7"]

    @staticmethod
    def names(path: Path) -> list[str]:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        return [str(name.value) for name in found.value]
