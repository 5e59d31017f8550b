"""Gateways of the demonstration enrol as any does; a credential that still holds is kept."""

from pathlib import Path
from typing import Any

from edge.credential import (
    CredentialUnusableError,
    GatewayCredential,
    read_credential,
    write_credential,
)
from gateway.demo.api import PAGE_MAX, DemoApi


def enrol(api: DemoApi, gateway_id: str, path: Path) -> bool:
    """See that ``path`` holds a credential of the gateway; whether it took a new one.

    Args:
        api: as the firm that owns it.
        gateway_id: which one.
        path: of the credential file its agent reads.

    Raises:
        ApiRefusedError: the platform gives none.
    """
    if _holds(api, gateway_id, path):
        return False
    issued: Any = api.post(f"/gateways/{gateway_id}/enrolments")
    given = api.post("/enrolments/redeem", {"code": issued["code"]})
    write_credential(path, GatewayCredential.model_validate(given))
    return True


def _holds(api: DemoApi, gateway_id: str, path: Path) -> bool:
    try:
        kept = read_credential(path)
    except CredentialUnusableError:
        return False
    if str(kept.gateway_id) != gateway_id:
        return False
    known = api.get(f"/gateways/{gateway_id}/credentials", limit=PAGE_MAX)["items"]
    holding = {one["id"] for one in known if one["revoked_at"] is None}
    return str(kept.credential_id) in holding
