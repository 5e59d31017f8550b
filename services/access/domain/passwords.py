"""Which passwords are accepted (NIST SP 800-63B-4 §3.1.1.2: length, and a list of the worst)."""

import re
import unicodedata
from typing import ClassVar, Final

from services.contracts.errors import DomainError, ErrorKind

LENGTH_MIN: Final = 10
LENGTH_MAX: Final = 200
"""Longer ones would only cost time; a passphrase of 30 words fits."""
_WORST_WORDS: Final = """
    0000000000 0123456789 1111111111 1122334455 1234512345 12345678900 1234567890 12345678910
    123456789a 123456789q 1234567891 1234abcd 1q2w3e4r5t 1q2w3e4r5t6y 1qaz2wsx3edc 5201314520
    520131452 88888888 8888888888 9876543210 a123456789 a1234567890 aa123456789 abc123456789
    abcd123456 abcd1234567 abcdefghij administrator adminadmin admin12345 admin123456 asdfghjkl1
    asdfghjkl; asdfghjkl123 baseball123 changeme123 football123 iloveyou123 iloveyou520
    letmein123 nonagon123 password01 password11 password12 password123 password1234 password12345
    passw0rd123 p@ssw0rd123 p@ssword123 princess123 q123456789 q1w2e3r4t5 qazwsxedcrfv qq123456789
    qwer123456 qwer12345678 qwerty1234 qwerty12345 qwerty123456 qwertyuiop qwertyuiop123
    root123456 superman123 test123456 welcome123 welcome1234 woaini1314 woaini1314520 woaini520
    woaini520520 xiaoming123 zaq12wsxcde3 zxcvbnm123 zxcvbnm123456 zxcvbnmasdf
"""
_WORST: Final = frozenset(_WORST_WORDS.split())
_ONE_REPEATED: Final = re.compile(r"(.{1,4})\1+", re.DOTALL)
_RUNS: Final = ("01234567890123456789", "abcdefghijklmnopqrstuvwxyz", "qwertyuiopasdfghjklzxcvbnm")


class PasswordRefusedError(DomainError):
    code: ClassVar[str] = "password-refused"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "The password {why} Choose at least {length_min} characters nobody guesses."
    zh: ClassVar[str] = "密码{why_zh}请选择至少 {length_min} 个不易猜到的字符。"


_SHORT: Final = ("is too short.", "过短。")
_LONG: Final = (f"is longer than {LENGTH_MAX} characters.", f"超过 {LENGTH_MAX} 个字符。")
_COMMON: Final = ("is among those tried first.", "属于最常被尝试的密码。")
_OWN: Final = ("is your e-mail address or name.", "与您的邮箱或姓名相同。")


def normal_password(password: str) -> str:
    """The same for every keyboard: Unicode NFC (NIST SP 800-63B-4 §3.1.1.2)."""
    return unicodedata.normalize("NFC", password)


def check_password(password: str, *, email: str, name: str) -> None:
    """Refuse a password that is guessed within ten tries.

    Raises:
        PasswordRefusedError: too short, too long, common, or about its owner.
    """
    text = normal_password(password)
    folded = text.casefold()
    about = {email.casefold(), email.partition("@")[0].casefold(), name.casefold()}
    if len(text) < LENGTH_MIN:
        raise _refused(_SHORT)
    if len(text) > LENGTH_MAX:
        raise _refused(_LONG)
    if folded in about or folded.strip("0123456789!. ") in about:
        raise _refused(_OWN)
    if folded in _WORST or _is_pattern(folded):
        raise _refused(_COMMON)


def _is_pattern(folded: str) -> bool:
    """One to four characters over and over, or a stretch of the keyboard or alphabet."""
    runs = (*_RUNS, *(run[::-1] for run in _RUNS))
    return _ONE_REPEATED.fullmatch(folded) is not None or any(folded in run for run in runs)


def _refused(why: tuple[str, str]) -> PasswordRefusedError:
    en, zh = why
    return PasswordRefusedError(why=en, why_zh=zh, length_min=LENGTH_MIN)
