"""Telling a person something outside the browser. No mail is sent from here: see below."""

import os
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol
from uuid import UUID

import structlog

PRIVATE: Final = 0o600
PRIVATE_FOLDER: Final = 0o700

log = structlog.get_logger(__name__)


class Notifier(Protocol):
    """Where messages to people leave; a mail or SMS gateway implements it."""

    def password_reset(
        self, *, message_id: UUID, email: str, locale: str, token: str, expires_at: datetime
    ) -> None: ...


class FileNotifier:
    """Writes each message to a file that only this account reads, and logs that no mail was sent.

    For a platform without a mail gateway: its administrator hands the message over.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def password_reset(
        self, *, message_id: UUID, email: str, locale: str, token: str, expires_at: datetime
    ) -> None:
        self._folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        path = self._folder / f"{message_id}.txt"
        text = reset_message(email=email, locale=locale, token=token, until=expires_at)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        log.warning("no mail is sent from this platform: hand the message over", file=str(path))


def reset_message(*, email: str, locale: str, token: str, until: datetime) -> str:
    """The message in the person's language, then in the other."""
    end = until.isoformat(timespec="minutes")
    zh = (
        f"收件人：{email}\n有人请求重置此账号的密码。重置码（有效至 {end}，仅可使用一次）：\n\n"
        f"    {token}\n\n若非您本人操作，请忽略本消息；您的密码未被更改。\n"
    )
    en = (
        f"To: {email}\nSomebody asked to reset the password of this account. The code, good once"
        f" and until {end}:\n\n    {token}\n\nIf it was not you, ignore this: your password is"
        " unchanged.\n"
    )
    return f"{zh}\n{en}" if locale == "zh" else f"{en}\n{zh}"
