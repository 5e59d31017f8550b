"""A configuration is checked strictly, and a mistake is named by file, line and field."""

from pathlib import Path

import pytest

from edge.config import ConfigError, dump_config, load_config

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
      policy: None
      insecure: true
"""


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
            ("insecure: true", "insecure: false", 10, "add `insecure: true`"),
            ("policy: None", "policy: Basic128", 12, "machines.0.endpoint.policy: "),
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
