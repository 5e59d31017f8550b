"""Which language a page is in, and that its texts are complete."""

import pytest

from gateway.portal import catalogue
from gateway.portal.languages import chosen_language, locale_for
from gateway.portal.model import Name
from gateway.portal.words import Words


class TestNegotiation:
    @pytest.mark.parametrize(
        ("asked", "remembered", "accepted", "language"),
        [
            (None, None, None, "zh"),
            (None, None, "fr-FR,de;q=0.8", "zh"),
            (None, None, "en-GB,en;q=0.9", "en"),
            (None, None, "en;q=0.3, zh-TW;q=0.9", "zh"),
            (None, "en", "zh-CN", "en"),
            ("zh", "en", "en", "zh"),
            ("EN-us", "zh", "zh", "en"),
            ("xx", "en", "zh", "en"),
        ],
    )
    def test_the_address_outranks_the_cookie_outranks_the_browser(
        self, asked: str | None, remembered: str | None, accepted: str | None, language: str
    ) -> None:
        chosen = chosen_language(asked=asked, remembered=remembered, accept_language=accepted)
        assert chosen == language


class TestTranslations:
    def test_every_text_of_the_pages_is_translated(self) -> None:
        texts = {message.id for message in catalogue.template() if message.id}
        translated = catalogue.read()
        missing = [text for text in texts if not _is_translated(translated.get(text))]
        assert missing == []

    def test_no_translation_is_left_over(self) -> None:
        texts = {message.id for message in catalogue.template()}
        assert [one.id for one in catalogue.read() if one.id not in texts] == []

    def test_no_translation_loses_a_placeholder(self) -> None:
        problems = [
            (message.id, str(error))
            for message in catalogue.read()
            for error in message.check(catalogue.read())
        ]
        assert problems == []


class TestNames:
    def test_are_told_in_the_language_and_fall_back_to_the_other(self) -> None:
        chinese, english = Words(locale_for("zh")), Words(locale_for("en"))
        assert chinese.name(Name("Mill", "铣床")) == "铣床"
        assert english.name(Name("Mill", "铣床")) == "Mill"
        assert chinese.name(Name("Mill", "")) == "Mill"
        assert english.name(Name("", "铣床")) == "铣床"


def _is_translated(message: object) -> bool:
    string = getattr(message, "string", "")
    fuzzy = getattr(message, "fuzzy", True)
    return bool(string) and not fuzzy and (isinstance(string, str) or all(string))
