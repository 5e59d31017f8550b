"""What the gateway signs in to the broker with: the file ``nonagon-edge enroll`` writes."""

import json
import os
from pathlib import Path
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.contracts.ids import SPARKPLUG_ID

_SPARKPLUG = f"^{SPARKPLUG_ID.pattern}$"
FILE_BYTES_MAX = 16 * 1024


class CredentialUnusableError(Exception):
    """No credential can be read from the file; the text names it and says what to do."""


class GatewayCredential(BaseModel):
    """User name and MQTT client id are the gateway's id, the password is its secret."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    schema_version: Literal[1] = Field(default=1, alias="schema")
    gateway_id: UUID
    credential_id: UUID
    secret: str = Field(min_length=1, max_length=200, repr=False)
    group: str = Field(pattern=_SPARKPLUG)
    edge_node: str = Field(pattern=_SPARKPLUG)
    host_id: str = Field(pattern=_SPARKPLUG)


def read_credential(path: Path) -> GatewayCredential:
    """The credential in ``path``.

    Raises:
        CredentialUnusableError: missing, not readable, or not what ``enroll`` writes.
    """
    try:
        with path.open("rb") as file:
            content = file.read(FILE_BYTES_MAX)
    except OSError as error:
        raise CredentialUnusableError(
            f"credential {path}: {error.strerror or error}; fetch one: nonagon-edge enroll"
        ) from error
    try:
        return GatewayCredential.model_validate_json(content)
    except ValidationError as error:
        raise CredentialUnusableError(
            f"credential {path} is damaged ({error.error_count()} mistakes); fetch another:"
            " nonagon-edge enroll"
        ) from error


def write_credential(path: Path, credential: GatewayCredential) -> None:
    """Replace ``path`` at once, readable by our own account only.

    Raises:
        OSError: the folder is missing or not ours to write.
    """
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        document = credential.model_dump(mode="json", by_alias=True)
        file.write(json.dumps(document, indent=2) + "\n")
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
