"""Codes of parks."""

import pytest

from services.identity.domain import InvalidParkCodeError, check_park_code


@pytest.mark.parametrize("code", ["optics-valley", "9", "a" * 64, "a-"])
def test_a_code_that_can_stand_in_an_address(code: str) -> None:
    check_park_code(code)


@pytest.mark.parametrize(
    "code", ["", "-a", "Optics", "光谷", "a b", "a,b", "a" * 65, "a\n", "a/b", "{a}"]
)
def test_a_code_that_cannot(code: str) -> None:
    with pytest.raises(InvalidParkCodeError) as refused:
        check_park_code(code)
    assert "园区代码" in refused.value.text("zh")
