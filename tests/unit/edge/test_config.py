"""A configuration is checked strictly, and a mistake is named by file, line and field."""

from pathlib import Path

import pytest

from edge.config import ConfigError, SecurityPolicy, dump_config, load_config

GOOD = """\
schema: 1
gateway: {group: park-1, edge_node: gw-1}
broker:
  url: mqtt://127.0.0.1:1883
  anonymous: true
journal: {path: journal.sqlite3}
machines:
  - device: mill-07
    machine: Mill 07
    endpoint:
      url: opc.tcp://10.0.0.7:4840/mill
      security: Aes256Sha256RsaPss
      trust: SHA256:AB:cdcdcdcdcdcd:cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd
"""
FINGERPRINT = "sha256:ab" + "cd" * 31


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "edge.yaml"
    path.write_text(text, encoding="utf-8")
    return path


class TestGood:
    def test_defaults_are_filled_in(self, tmp_path: Path) -> None:
        config = load_config(written(tmp_path, GOOD))
        assert config.gateway.host_id == "nonagon"
        assert (config.machines[0].profile, config.machines[0].publish_ms) == ("machinery", 500)
        assert config.metrics_port is None

    def test_the_journal_lies_beside_the_file(self, tmp_path: Path) -> None:
        config = load_config(written(tmp_path, GOOD))
        assert config.journal.path == tmp_path / "journal.sqlite3"

    def test_so_do_certificate_and_trust_unless_the_file_says_where(self, tmp_path: Path) -> None:
        config = load_config(written(tmp_path, GOOD))
        machine = config.machines[0]
        assert config.pki_folder == tmp_path / "journal.pki"
        assert config.trust_folder(machine) == tmp_path / "journal.pki" / "trusted" / "mill-07"
        own = "identity: {certificate: own.pem, key: own.key}\n"
        text = GOOD.replace("      trust:", "      trust_folder: hall\n      trust:") + own
        config = load_config(written(tmp_path, text))
        assert config.trust_folder(config.machines[0]) == tmp_path / "hall"
        assert config.identity is not None
        assert config.identity.key == tmp_path / "own.key"

    def test_fingerprints_are_taken_as_machines_show_them(self, tmp_path: Path) -> None:
        (machine,) = load_config(written(tmp_path, GOOD)).machines
        assert machine.endpoint.trust == [FINGERPRINT]

    def test_sessions_are_encrypted_unless_none_is_said(self, tmp_path: Path) -> None:
        cut = GOOD[: GOOD.index("      security")]
        (machine,) = load_config(written(tmp_path, cut)).machines
        assert machine.endpoint.security is SecurityPolicy.BASIC256_SHA256
        (machine,) = load_config(written(tmp_path, f"{cut}      security: none\n")).machines
        assert not machine.endpoint.is_encrypted

    def test_what_is_dumped_loads_again(self, tmp_path: Path) -> None:
        config = load_config(written(tmp_path, GOOD))
        assert load_config(written(tmp_path, dump_config(config))) == config


class TestMistakes:
    @pytest.mark.parametrize(
        ("old", "new", "line", "message"),
        [
            ("schema: 1", "schema: 2", 1, "schema: "),
            ("edge_node: gw-1", "edge_node: GW 1", 2, "gateway.edge_node: "),
            ("url: mqtt://127.0.0.1:1883", "url: http://x:1", 4, "is not mqtt://host:port"),
            ("url: mqtt://127.0.0.1:1883", "uri: x", 4, "broker.uri: Extra inputs"),
            ("  anonymous: true\n", "", 3, "name the `credential` file"),
            ("anonymous: true", "anonymous: true\n  credential: c.json", 3, "not both"),
            ("anonymous: true", "anonymous: true\n  key: k", 3, "belong together"),
            ("anonymous: true", "anonymous: true\n  ca: ca.pem", 3, "are for `mqtts://`"),
            ("Aes256Sha256RsaPss", "Basic128Rsa15", 12, "machines.0.endpoint.security: "),
            ("Aes256Sha256RsaPss", "auto", 12, "can be none: name one of Basic256Sha256"),
            ("Aes256Sha256RsaPss", "Auto", 12, "can be none: name one of Basic256Sha256"),
            ("security: Aes256Sha256RsaPss", "security:", 12, "can be none: name one of"),
            ("security: Aes256Sha256RsaPss", "insecure: true", 12, "endpoint.insecure: Extra"),
            ("Aes256Sha256RsaPss", "none", 10, "`security: none` checks no certificate"),
            ("SHA256:AB:cd", "SHA256:AB", 13, "machines.0.endpoint.trust.0: "),
            ("trust: SHA256:AB", "trust: [7]  #", 13, "machines.0.endpoint.trust.0: "),
            ("4840/mill", "99999/mill", 11, "Port out of range"),
            ("machine: Mill 07", "colour: red", 8, "machines.0.machine: Field required"),
            ("  - device: mill-07", "  - device: Mill/07", 8, "machines.0.device: "),
        ],
    )
    def test_are_named(self, tmp_path: Path, old: str, new: str, line: int, message: str) -> None:
        path = written(tmp_path, GOOD.replace(old, new))
        with pytest.raises(ConfigError) as caught:
            load_config(path)
        assert message in str(caught.value)
        assert str(caught.value).startswith(f"{path}:")
        assert f"{path}:{line}: " in str(caught.value)

    def test_a_device_named_twice(self, tmp_path: Path) -> None:
        entry = GOOD[GOOD.index("  - device") :]
        with pytest.raises(ConfigError, match="device named twice: mill-07"):
            load_config(written(tmp_path, GOOD + entry))

    @pytest.mark.parametrize("text", ["a: [1", "", "- 1", "\x00"])
    def test_what_is_no_configuration_at_all(self, tmp_path: Path, text: str) -> None:
        with pytest.raises(ConfigError, match=r"edge\.yaml"):
            load_config(written(tmp_path, text))

    def test_a_missing_file(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="cannot be read"):
            load_config(tmp_path / "none.yaml")
