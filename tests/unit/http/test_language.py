"""Which language an answer is in."""

import pytest

from services.runtime.web import preferred_language


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "en"),
        ("", "en"),
        ("zh", "zh"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en-GB,zh;q=0.9", "en"),
        ("en;q=0.3, zh-Hans;q=0.4", "zh"),
        ("fr, de;q=0.9", "en"),
        ("fr, zh;q=0.1", "zh"),
        ("zh;q=0", "en"),
        ("zh;q=nonsense", "en"),
        ("*", "en"),
    ],
)
def test_is_the_heavier_of_the_two_we_speak(header: str | None, language: str) -> None:
    assert preferred_language(header) == language
