"""Second factors a person holds and proves: codes of an app, codes to recover with.

Passkeys are in ``passkeys``: they prove both factors at once.
"""

import secrets
from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from sqlmodel import Session

from services.access.domain.tokens import subject_hash
from services.access.domain.totp import (
    RECOVERY_BYTES,
    RECOVERY_CODES,
    SECRET_BYTES,
    matching_step,
    normal_recovery,
    otpauth_uri,
    recovery_text,
    secret_text,
)
from services.access.store import factors as store
from services.contracts.errors import DomainError, ErrorKind
from services.runtime.clock import Clock


class FactorNeededError(DomainError):
    code: ClassVar[str] = "second-factor-needed"
    kind: ClassVar[ErrorKind] = ErrorKind.UNAUTHENTICATED
    en: ClassVar[str] = (
        "This account has a second factor: send the code of the app, or a recovery code, with the"
        " password; or sign in with a passkey."
    )
    zh: ClassVar[str] = (
        "该账号已启用第二因素：请随密码提供验证器应用的验证码或恢复码，或使用通行密钥登录。"
    )


class FactorWrongError(DomainError):
    code: ClassVar[str] = "second-factor-wrong"
    kind: ClassVar[ErrorKind] = ErrorKind.UNAUTHENTICATED
    en: ClassVar[str] = "The code is wrong, too old or used already; wait for the next one."
    zh: ClassVar[str] = "验证码错误、已过期或已使用；请等待下一个验证码。"


class TotpExistsError(DomainError):
    code: ClassVar[str] = "totp-exists"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    en: ClassVar[str] = "An authenticator app is set up already; remove it first."
    zh: ClassVar[str] = "已设置验证器应用；请先移除。"


class TotpMissingError(DomainError):
    code: ClassVar[str] = "totp-missing"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = (
        "No authenticator app is being set up; begin with POST /second-factors/totp."
    )
    zh: ClassVar[str] = "尚未开始设置验证器应用；请先调用 POST /second-factors/totp。"


@dataclass(frozen=True, slots=True)
class Held:
    """Which second factors a person holds."""

    totp: bool
    passkeys: int
    recovery_codes: int

    @property
    def any(self) -> bool:
        return self.totp or self.passkeys > 0


@dataclass(frozen=True, slots=True)
class TotpOffer:
    """What the app is given; shown once."""

    secret: str
    uri: str


def held_factors(*, session: Session, person_id: UUID) -> Held:
    totp = store.totp_of(session, person_id)
    return Held(
        totp=totp is not None and totp.confirmed,
        passkeys=store.count_passkeys(session, person_id),
        recovery_codes=store.count_recovery_codes(session, person_id),
    )


def offer_totp(*, session: Session, clock: Clock, person_id: UUID, email: str) -> TotpOffer:
    """A new secret, which counts once a code of it is shown.

    Raises:
        TotpExistsError: one counts already.
    """
    known = store.totp_of(session, person_id)
    if known is not None and known.confirmed:
        raise TotpExistsError
    secret = secrets.token_bytes(SECRET_BYTES)
    store.put_totp(session, person_id, secret, clock.now())
    return TotpOffer(secret=secret_text(secret), uri=otpauth_uri(secret, account=email))


def confirm_totp(*, session: Session, clock: Clock, person_id: UUID, code: str) -> list[str]:
    """Make the offered secret count; new recovery codes, shown once.

    Raises:
        TotpMissingError: none was offered.
        TotpExistsError: it counts already.
        FactorWrongError: the app shows another code.
    """
    known = store.totp_of(session, person_id)
    if known is None:
        raise TotpMissingError
    if known.confirmed:
        raise TotpExistsError
    _spend(session, clock, person_id, known, code)
    store.confirm_totp(session, person_id, clock.now())
    return new_recovery_codes(session=session, clock=clock, person_id=person_id)


def new_recovery_codes(*, session: Session, clock: Clock, person_id: UUID) -> list[str]:
    """Ten codes in place of all earlier ones; shown once."""
    codes = [recovery_text(secrets.token_bytes(RECOVERY_BYTES)) for _ in range(RECOVERY_CODES)]
    hashes = [_recovery_hash(code) for code in codes]
    store.replace_recovery_codes(session, person_id, hashes, clock.now())
    return codes


def remove_totp(*, session: Session, person_id: UUID) -> None:
    """Forget the app; codes to recover with stay while a passkey does.

    Raises:
        TotpMissingError: there was none.
    """
    if not store.delete_totp(session, person_id):
        raise TotpMissingError


def prove_factor(*, session: Session, clock: Clock, person_id: UUID, code: str) -> None:
    """Accept a code of the app, or a recovery code, once.

    Raises:
        FactorWrongError: it is neither, or was used before.
    """
    if _looks_like_recovery(code):
        if not store.spend_recovery_code(session, person_id, _recovery_hash(code)):
            raise FactorWrongError
        return
    known = store.totp_of(session, person_id)
    if known is None or not known.confirmed:
        raise FactorWrongError
    _spend(session, clock, person_id, known, code)


def _spend(session: Session, clock: Clock, person_id: UUID, known: store.Totp, code: str) -> None:
    step = matching_step(known.secret, code.strip(), now=clock.now(), after_step=known.last_step)
    if step is None or not store.spend_step(session, person_id, step):
        raise FactorWrongError


def _looks_like_recovery(code: str) -> bool:
    return any(letter.isalpha() for letter in code) or "-" in code


def _recovery_hash(code: str) -> bytes:
    return subject_hash("recovery", normal_recovery(code))
