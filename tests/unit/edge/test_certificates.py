"""The agent's own certificate: right fields, made once, kept private, never replaced by itself."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from edge.config import (
    BrokerConfig,
    EdgeConfig,
    EndpointConfig,
    GatewayConfig,
    IdentityConfig,
    JournalConfig,
    MachineConfig,
)
from edge.drivers.certificates import (
    CLOCKS_DIFFER,
    VALID_FOR,
    IdentityUnusableError,
    fingerprint,
    open_identity,
)

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def config(folder: Path, identity: IdentityConfig | None = None) -> EdgeConfig:
    return EdgeConfig(
        schema_version=1,
        gateway=GatewayConfig(group="park-1", edge_node="gw-1"),
        broker=BrokerConfig(anonymous=True),
        journal=JournalConfig(path=folder / "journal.db"),
        identity=identity,
        machines=[
            MachineConfig(
                device="mill-07",
                machine="Mill 07",
                endpoint=EndpointConfig(url="opc.tcp://10.0.0.7:4840"),
            )
        ],
    )


class TestMade:
    def test_says_which_application_it_is_and_what_its_key_may_do(self, tmp_path: Path) -> None:
        own = open_identity(config(tmp_path), now=NOW)
        extensions = own.certificate.extensions
        names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        uris = names.get_values_for_type(x509.UniformResourceIdentifier)
        assert uris == [own.application_uri] == ["urn:nonagon:edge:park-1:gw-1"]
        usage = extensions.get_extension_for_class(x509.KeyUsage).value
        assert usage.digital_signature
        assert usage.content_commitment
        assert usage.key_encipherment
        assert usage.data_encipherment
        purposes = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        assert list(purposes) == [ExtendedKeyUsageOID.CLIENT_AUTH]
        assert own.key.key_size == 2_048
        assert own.certificate.not_valid_before_utc == NOW - CLOCKS_DIFFER
        assert own.expires_at == NOW + VALID_FOR

    def test_is_for_this_account_alone(self, tmp_path: Path) -> None:
        open_identity(config(tmp_path), now=NOW)
        folder = tmp_path / "journal.pki"
        assert folder.stat().st_mode & 0o777 == 0o700
        modes = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
        assert modes == {"own.der": 0o600, "own.key.pem": 0o600}

    def test_stays_the_same_even_when_it_has_expired(self, tmp_path: Path) -> None:
        first = open_identity(config(tmp_path), now=NOW)
        later = open_identity(config(tmp_path), now=NOW + VALID_FOR + timedelta(days=1))
        assert fingerprint(later.certificate) == fingerprint(first.certificate)

    def test_that_cannot_be_written_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "journal.pki").write_text("in the way")
        with pytest.raises(IdentityUnusableError, match=r"cannot make .*own\.der"):
            open_identity(config(tmp_path), now=NOW)

    def test_whose_key_is_of_another_is_refused(self, tmp_path: Path) -> None:
        open_identity(config(tmp_path / "a"), now=NOW)
        open_identity(config(tmp_path / "b"), now=NOW)
        key = tmp_path / "a" / "journal.pki" / "own.key.pem"
        key.write_bytes((tmp_path / "b" / "journal.pki" / "own.key.pem").read_bytes())
        with pytest.raises(IdentityUnusableError, match="does not belong to certificate"):
            open_identity(config(tmp_path / "a"), now=NOW)


class TestGiven:
    def test_is_read_in_pem_too(self, tmp_path: Path) -> None:
        made = open_identity(config(tmp_path), now=NOW)
        pem = tmp_path / "own.pem"
        pem.write_bytes(made.certificate.public_bytes(Encoding.PEM))
        given = IdentityConfig(certificate=pem, key=tmp_path / "journal.pki" / "own.key.pem")
        own = open_identity(config(tmp_path / "elsewhere", given), now=NOW)
        assert own.certificate == made.certificate
        assert not (tmp_path / "elsewhere").exists()

    @pytest.mark.parametrize("content", [None, b"", b"-----BEGIN nothing", b"\x30\x82"])
    def test_that_is_none_is_named_and_nothing_is_made(
        self, tmp_path: Path, content: bytes | None
    ) -> None:
        path = tmp_path / "own.der"
        if content is not None:
            path.write_bytes(content)
        given = IdentityConfig(certificate=path, key=tmp_path / "own.key")
        with pytest.raises(IdentityUnusableError, match=r"certificate .*own\.der"):
            open_identity(config(tmp_path, given), now=NOW)
        assert not (tmp_path / "journal.pki").exists()
