"""Codes of authenticator apps: TOTP (RFC 6238) over HOTP (RFC 4226), and codes to recover with.

Twenty lines of the standard library; what a library would not do (refusing a step twice) is here.
"""

import base64
import hmac
from datetime import datetime
from typing import Final
from urllib.parse import quote, urlencode

SECRET_BYTES: Final = 20
"""RFC 4226 §4 R6 recommends 160 bits; apps read SHA-1, 6 digits and 30 s alone."""
DIGITS: Final = 6
PERIOD_S: Final = 30
DRIFT_STEPS: Final = 1
"""One step either way for clocks and slow fingers (RFC 6238 §5.2)."""
RECOVERY_CODES: Final = 10
RECOVERY_BYTES: Final = 10
ISSUER: Final = "Nonagon"


def step_at(instant: datetime) -> int:
    return int(instant.timestamp()) // PERIOD_S


def code_at(secret: bytes, step: int) -> str:
    """The six digits of ``step``."""
    digest = hmac.digest(secret, step.to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return str(number % 10**DIGITS).zfill(DIGITS)


def matching_step(secret: bytes, code: str, *, now: datetime, after_step: int) -> int | None:
    """The step ``code`` belongs to; ``None`` when wrong, or of a step not after ``after_step``.

    A code seen once is worthless: its step and all before it are spent (RFC 6238 §5.2).
    """
    at = step_at(now)
    found = None
    for step in range(at - DRIFT_STEPS, at + DRIFT_STEPS + 1):
        if hmac.compare_digest(code_at(secret, step).encode(), code.encode()):
            found = step
    return found if found is not None and found > after_step else None


def otpauth_uri(secret: bytes, *, account: str) -> str:
    """What an app scans."""
    label = quote(f"{ISSUER}:{account}", safe="@:")
    query = urlencode(
        {
            "secret": secret_text(secret),
            "issuer": ISSUER,
            "algorithm": "SHA1",
            "digits": DIGITS,
            "period": PERIOD_S,
        }
    )
    return f"otpauth://totp/{label}?{query}"


def secret_text(secret: bytes) -> str:
    """The secret as a person types it."""
    return base64.b32encode(secret).decode().rstrip("=")


def recovery_text(random_bytes: bytes) -> str:
    """80 bits as four groups of four letters and digits.

    Raises:
        ValueError: not 10 bytes.
    """
    if len(random_bytes) != RECOVERY_BYTES:
        raise ValueError(f"a recovery code needs {RECOVERY_BYTES} random bytes")
    text = base64.b32encode(random_bytes).decode().lower()
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))


def normal_recovery(text: str) -> str:
    """A recovery code as it is hashed, however it was typed."""
    letters = "".join(letter for letter in text.lower() if letter.isalnum())
    return "-".join(letters[start : start + 4] for start in range(0, len(letters), 4))
