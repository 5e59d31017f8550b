"""What makes an organisation, a site and a gateway well formed."""

import pytest

from services.identity.domain import (
    InvalidPositionError,
    InvalidRegionCodeError,
    InvalidSparkplugIdError,
    InvalidUsccError,
    check_site,
    normal_uscc,
)

WUHAN = {"code": "wuhan-1", "region_code": "420106", "lat": 30.5, "lon": 114.3}


class TestCreditCode:
    def test_is_stored_without_spaces_in_capitals(self) -> None:
        assert normal_uscc(" 91110000600037341l ") == "91110000600037341L"

    @pytest.mark.parametrize("text", ["91110000600037341M", "9111000060003734", "", "hello"])
    def test_with_a_wrong_check_character_or_length_is_refused(self, text: str) -> None:
        with pytest.raises(InvalidUsccError, match="GB 32100") as refusal:
            normal_uscc(text)
        assert "统一社会信用代码" in refusal.value.text("zh")


class TestSite:
    def test_well_formed_is_accepted(self) -> None:
        check_site(**WUHAN)  # type: ignore[arg-type]  # values of several types

    @pytest.mark.parametrize(
        ("wrong", "error"),
        [
            ({"code": "Wuhan 1"}, InvalidSparkplugIdError),
            ({"code": "a/b"}, InvalidSparkplugIdError),
            ({"region_code": "42010"}, InvalidRegionCodeError),
            ({"region_code": "042010"}, InvalidRegionCodeError),
            ({"region_code": "４２０１０６"}, InvalidRegionCodeError),
            ({"region_code": "420106\n"}, InvalidRegionCodeError),
            ({"lat": 90.1}, InvalidPositionError),
            ({"lon": float("nan")}, InvalidPositionError),
        ],
    )
    def test_malformed_names_what_is_wrong(
        self, wrong: dict[str, object], error: type[Exception]
    ) -> None:
        with pytest.raises(error):
            check_site(**{**WUHAN, **wrong})  # type: ignore[arg-type]  # values of several types
