"""Settings of the server processes, read once from ``NONAGON_…`` variables and passed down.

An unset server URL means the embedded server; nothing else differs between a laptop and a cluster.
"""

import os
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.contracts.confidentiality import REDACTED, is_secret_name, redact_text

DOCUMENT_BYTES_MAX = 20 * 1024 * 1024


class Settings(BaseSettings):
    """One frozen object per process. Printing it, or an error about it, shows no password."""

    model_config = SettingsConfigDict(
        env_prefix="NONAGON_", frozen=True, extra="ignore", hide_input_in_errors=True
    )

    state_dir: Path = Field(default=Path("var"), description="everything the embedded servers keep")
    database_url: str | None = Field(default=None, description="postgresql://…; unset: embedded")
    nats_url: str | None = Field(default=None, description="nats://…; unset: embedded")
    mqtt_url: str | None = Field(
        default=None, description="mqtt://host:port of the same broker; unset: embedded"
    )
    nats_guard_url: str | None = Field(
        default=None,
        description="nats://guard:…@…, the broker's system account, for the worker that decides"
        " about gateways; unset with a broker of your own: it decides alone",
    )
    nats_issuer_seed: Path | None = Field(
        default=None, description="file with the account seed (SA…) whose word the broker takes"
    )
    mqtt_tls: Path | None = Field(
        default=None,
        description="folder of `nonagon ca`: MQTT by TLS with a certificate on both sides",
    )
    mqtt_host: str = Field(
        default="127.0.0.1", description="where the embedded broker's MQTT listens, with mqtt_tls"
    )
    meili_url: str | None = Field(default=None, description="Meilisearch; unset: PostgreSQL search")
    meili_key: str | None = Field(default=None, description="Meilisearch API key")
    http_host: str = "127.0.0.1"
    http_port: int = Field(default=0, description="0: the last one used if free, else any free one")
    http_allowed_hosts: tuple[str, ...] = Field(
        default=(), description="names in Host besides loopback and http_host, as a JSON list"
    )
    api_url: str | None = Field(
        default=None, description="where the command line finds the API; unset: the running one"
    )
    api_key: SecretStr | None = Field(
        default=None, description="the API key the command line acts with"
    )
    metrics_port: int = Field(
        default=0, description="where ingest and worker answer /livez /readyz /metrics; 0: nowhere"
    )
    matcher_shard: str = Field(
        default="1/1", description="number/count: which part of the market this matcher keeps"
    )
    matcher_shards: int = Field(
        default=1, ge=0, le=64, description="how many matchers share the market; 0: none is asked"
    )
    database_pool_max: int = 10
    hold_ttl_s: int = Field(default=900, description="how long a held slot waits for confirmation")
    waitlist_ttl_s: int = Field(
        default=3_600, ge=60, description="how long a slot is held for who waited for it"
    )
    open_holds_max: int = Field(
        default=200, ge=1, description="slots one organisation may hold unconfirmed at a time"
    )
    seen_stale_after_s: int = Field(
        default=30, description="a live twin not seen for longer is unknown"
    )
    ingest_batch_max: int = Field(default=2_000, description="observations per transaction")
    ingest_batch_wait_ms: int = Field(default=20, description="how long a batch waits to fill")
    recorded_data: Path = Field(
        default=Path("../shared/data"), description="folder of recorded machine data"
    )
    directions_folder: Path | None = Field(
        default=None, description="folder of *.yaml with directions beside the nine"
    )
    document_bytes_max: int = Field(
        default=DOCUMENT_BYTES_MAX, ge=1, description="size of an uploaded document at most"
    )
    audit_anchors: Path | None = Field(
        default=None, description="file of signed audit heads; unset: in the state directory"
    )
    audit_anchor_key: Path | None = Field(
        default=None, description="Ed25519 key in PEM that signs them; unset: one is made"
    )
    audit_digest_key: Path | None = Field(
        default=None,
        description="32 bytes under which confidential values are digested; unset: made once",
    )
    public_origin: str | None = Field(
        default=None, description="https://… as browsers see it; unset: what each request names"
    )
    trusted_proxies: tuple[str, ...] = Field(
        default=(), description="networks whose X-Forwarded-For is believed, as a JSON list"
    )
    sign_in_per_minute: int = Field(
        default=60, ge=1, description="sign-ins, sign-ups and resets one address may try"
    )
    requests_per_minute: int = Field(
        default=30_000, ge=1, description="requests one organisation may make of one process"
    )
    oidc_issuer: str | None = Field(
        default=None, description="OpenID provider for sign-in; unset: passwords and passkeys only"
    )
    oidc_client_id: str | None = None
    oidc_client_secret: SecretStr | None = None
    payment_provider: Literal["sandbox", "none"] = Field(
        default="sandbox",
        description="who moves money: a demonstration that moves none, or nobody",
    )
    payment_secret: SecretStr | None = Field(
        default=None,
        description="what the provider signs callbacks with, 32 characters or more; unset: none",
    )
    log_json: bool = Field(default=False, description="one JSON object per log line")
    log_level: str = "INFO"

    @cached_property
    def state_path(self) -> Path:
        """The state directory, absolute."""
        return self.state_dir.resolve()

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        for name, value in super().__repr_args__():
            yield name, _shown(name, value)


def _shown(name: str | None, value: Any) -> Any:
    if name is not None and value is not None and is_secret_name(name):
        return REDACTED
    return redact_text(value) if isinstance(value, str) else value


def child_environment(**overrides: object) -> dict[str, str]:
    """This process's environment, with settings replaced, for a child that reads its own."""
    replaced = {f"NONAGON_{name.upper()}": str(value) for name, value in overrides.items()}
    return {**os.environ, **replaced}  # noqa: TID251 - this is a settings module
