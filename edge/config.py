"""The agent's configuration file: YAML, checked strictly, errors named by file and line."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from services.contracts.ids import SPARKPLUG_ID

SparkplugId = Annotated[str, Field(pattern=f"^{SPARKPLUG_ID.pattern}$")]


def _without_colons(text: object) -> object:
    if not isinstance(text, str):
        return text
    return f"sha256:{text.replace(':', '').lower().removeprefix('sha256')}"


Fingerprint = Annotated[
    str, BeforeValidator(_without_colons), Field(pattern="^sha256:[0-9a-f]{64}$")
]
"""``sha256:`` and the digest of a certificate's DER bytes, in hexadecimal digits."""
MACHINES_MAX = 1_000
PINS_MAX: Final = 8


class ConfigError(Exception):
    """A configuration the agent cannot start with; the text has one line per mistake."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class GatewayConfig(_Section):
    """Who the agent is on the broker: site, gateway, and the platform's host id."""

    group: SparkplugId
    edge_node: SparkplugId
    host_id: SparkplugId = "nonagon"


class BrokerConfig(_Section):
    """The broker and how the agent shows who it is: by the file ``nonagon-edge enroll`` wrote.

    ``mqtts://`` is TLS: ``ca`` signed the broker's certificate (unset: the system's list), and
    ``certificate`` with ``key`` is the gateway's own, where the broker asks for one. PEM files.
    """

    url: str = "mqtt://127.0.0.1:1883"
    credential: Path | None = None
    anonymous: bool = False
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    keepalive_s: int = Field(default=15, ge=2, le=600)
    retry_max_s: float = Field(default=30, ge=0.1, le=600)

    @property
    def is_encrypted(self) -> bool:
        return self.url.startswith("mqtts://")

    @field_validator("url")
    @classmethod
    def _is_mqtt(cls, url: str) -> str:
        return _checked_url(url, scheme="mqtts" if url.startswith("mqtts:") else "mqtt")

    @model_validator(mode="after")
    def _signs_in_one_way(self) -> Self:
        if self.anonymous == (self.credential is not None):
            raise ValueError(
                "name the `credential` file that `nonagon-edge enroll` wrote, or, for a broker that"
                " lets everybody in, add `anonymous: true` to accept that; not both"
            )
        if (self.certificate is None) != (self.key is None):
            raise ValueError("`certificate` and `key` belong together: name both, or neither")
        if not self.is_encrypted and (self.ca or self.certificate):
            raise ValueError("certificates are for `mqtts://`: change the url, or remove them")
        return self


class JournalConfig(_Section):
    """Where observations wait for the platform's receipt, and how much may wait."""

    path: Path
    bytes_max: int = Field(default=1_000_000_000, ge=200_000)
    age_max_hours: float = Field(default=168, gt=0)


class IdentityConfig(_Section):
    """The agent's own OPC UA certificate (DER or PEM) and its private key (PEM)."""

    certificate: Path
    key: Path


class SecurityPolicy(StrEnum):
    """How a session is protected: signed and encrypted by this policy, or not at all."""

    BASIC256_SHA256 = "Basic256Sha256"
    AES128_SHA256_RSA_OAEP = "Aes128Sha256RsaOaep"
    AES256_SHA256_RSA_PSS = "Aes256Sha256RsaPss"
    NONE = "none"


class EndpointConfig(_Section):
    """A machine's OPC UA server, and whose certificates are believed to be its own.

    ``trust`` pins by fingerprint; ``trust_folder`` holds certificates and authorities. Without
    either, what ``nonagon-edge trust`` has pinned counts.
    """

    url: str
    security: SecurityPolicy = SecurityPolicy.BASIC256_SHA256
    trust: list[Fingerprint] = Field(default=[], max_length=PINS_MAX)
    trust_folder: Path | None = None
    retry_max_s: float = Field(default=60, ge=0.1, le=600)

    @property
    def is_encrypted(self) -> bool:
        return self.security is not SecurityPolicy.NONE

    @field_validator("url")
    @classmethod
    def _is_opcua(cls, url: str) -> str:
        return _checked_url(url, scheme="opc.tcp")

    @field_validator("security", mode="before")
    @classmethod
    def _is_one_policy(cls, security: object) -> object:
        if security is None or str(security).lower() == "auto":
            raise ValueError(
                "a policy that is chosen by whoever answers can be none: name one of "
                + ", ".join(SecurityPolicy)
            )
        return security

    @field_validator("trust", mode="before")
    @classmethod
    def _is_list(cls, trust: object) -> object:
        return [trust] if isinstance(trust, str) else trust

    @model_validator(mode="after")
    def _trust_is_used(self) -> Self:
        if not self.is_encrypted and (self.trust or self.trust_folder):
            raise ValueError("`security: none` checks no certificate: remove `trust`, or encrypt")
        return self


class MachineConfig(_Section):
    """One machine: its Sparkplug device id and where its values are found."""

    device: SparkplugId
    endpoint: EndpointConfig
    profile: Literal["machinery"] = "machinery"
    machine: str = Field(min_length=1, max_length=200)
    publish_ms: int = Field(default=500, ge=20, le=60_000)
    sampling_ms: int = Field(default=250, ge=0, le=60_000)


class EdgeConfig(_Section):
    schema_version: Literal[1] = Field(alias="schema")
    gateway: GatewayConfig
    broker: BrokerConfig
    journal: JournalConfig
    identity: IdentityConfig | None = None
    machines: list[MachineConfig] = Field(min_length=1, max_length=MACHINES_MAX)
    metrics_port: int | None = Field(default=None, ge=1, le=65_535)

    @model_validator(mode="after")
    def _devices_differ(self) -> Self:
        names = [machine.device for machine in self.machines]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"device named twice: {', '.join(twice)}")
        return self

    @property
    def pki_folder(self) -> Path:
        """The agent's certificate and what it trusts, beside its journal."""
        return self.journal.path.with_suffix(".pki")

    def trust_folder(self, machine: MachineConfig) -> Path:
        """Where the certificates are that count as ``machine``'s, beside pinned fingerprints."""
        return machine.endpoint.trust_folder or self.pki_folder / "trusted" / machine.device


def _checked_url(url: str, *, scheme: str) -> str:
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError as error:
        raise ValueError(f"{url!r}: {error}") from error
    if parts.scheme != scheme or not parts.hostname or port is None:
        raise ValueError(f"{url!r} is not {scheme}://host:port")
    return url


def load_config(path: Path) -> EdgeConfig:
    """Read and check ``path``; relative paths in it start at the file's own folder.

    Raises:
        ConfigError: not readable, not YAML, or not what the schema asks for.
    """
    try:
        text = path.read_text(encoding="utf-8")
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
        document = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not YAML: {error}") from error
    try:
        config = EdgeConfig.model_validate(document)
    except ValidationError as error:
        raise ConfigError(_explained(path, tree, error)) from error
    return _from_folder(config, path.parent)


def _from_folder(config: EdgeConfig, folder: Path) -> EdgeConfig:
    """Relative paths of a configuration start at its own folder."""
    journal = config.journal.model_copy(update={"path": folder / config.journal.path})
    identity = config.identity and IdentityConfig(
        certificate=folder / config.identity.certificate, key=folder / config.identity.key
    )
    machines = [_machine_from_folder(machine, folder) for machine in config.machines]
    files = ("credential", "ca", "certificate", "key")
    named = {name: getattr(config.broker, name) for name in files}
    broker = config.broker.model_copy(
        update={name: path and folder / path for name, path in named.items()}
    )
    return config.model_copy(
        update={"journal": journal, "identity": identity, "machines": machines, "broker": broker}
    )


def _machine_from_folder(machine: MachineConfig, folder: Path) -> MachineConfig:
    trusted = machine.endpoint.trust_folder
    if trusted is None:
        return machine
    endpoint = machine.endpoint.model_copy(update={"trust_folder": folder / trusted})
    return machine.model_copy(update={"endpoint": endpoint})


def dump_config(config: EdgeConfig) -> str:
    """YAML that :func:`load_config` reads back."""
    document = config.model_dump(mode="json", by_alias=True, exclude_none=True)
    return str(yaml.safe_dump(document, sort_keys=False, allow_unicode=True))


def _explained(path: Path, tree: yaml.Node | None, error: ValidationError) -> str:
    lines = []
    for mistake in error.errors():
        field = ".".join(str(part) for part in mistake["loc"]) or "file"
        message = mistake["msg"].removeprefix("Value error, ")
        lines.append(f"{path}:{_line_of(tree, mistake['loc'])}: {field}: {message}")
    return "\n".join(lines)


def _line_of(node: yaml.Node | None, location: tuple[int | str, ...]) -> int:
    """The 1-based line of the deepest part of ``location`` the file really has."""
    line = 1
    for part in location:
        child = _child(node, part)
        if child is None:
            break
        line, node = child
    return line


def _child(node: yaml.Node | None, part: int | str) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == part:
                return key.start_mark.line + 1, value
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        item = node.value[part]
        return item.start_mark.line + 1, item
    return None
