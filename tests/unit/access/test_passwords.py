"""Which passwords are refused, and why."""

import pytest

from services.access.domain.passwords import LENGTH_MAX, PasswordRefusedError, check_password
from services.access.handlers.verifying import argon2id

EMAIL = "lin.wei@example.com"


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("short-1", "too short"),
        ("x" * 4 + "y" * LENGTH_MAX, "longer than"),
        ("Password123", "tried first"),
        ("1234567890", "tried first"),
        ("0987654321", "tried first"),
        ("abcabcabcabc", "tried first"),
        ("aaaaaaaaaaaa", "tried first"),
        ("LIN.WEI@example.com", "e-mail"),
        ("lin.wei2026!", "e-mail"),
        ("wei Lin 1999", "e-mail"),
    ],
)
def test_a_password_guessed_early_is_refused(password: str, reason: str) -> None:
    with pytest.raises(PasswordRefusedError, match=reason):
        check_password(password, email=EMAIL, name="Wei Lin")


@pytest.mark.parametrize(
    "password",
    ["correct horse battery", "四方联动共享工厂产能平台", "tr0ub4dor&3x", "  spaces  count "],
)
def test_a_long_one_of_any_characters_is_accepted(password: str) -> None:
    check_password(password, email=EMAIL, name="Wei Lin")


def test_the_refusal_speaks_chinese_too() -> None:
    with pytest.raises(PasswordRefusedError) as refused:
        check_password("kurz", email=EMAIL, name="")
    assert refused.value.text("zh") == "密码过短。请选择至少 10 个不易猜到的字符。"


def test_a_verifier_costs_what_owasp_asks_at_least() -> None:
    assert argon2id().hash("a long pass phrase").startswith("$argon2id$v=19$m=19456,t=2,p=1$")
