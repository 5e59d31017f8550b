"""Industries of GB/T 4754 and regions of GB/T 2260."""

from pathlib import Path

import pytest

from marketplace.taxonomy.industries import UnknownIndustryError
from marketplace.taxonomy.loader import DATA, load_taxonomy
from marketplace.taxonomy.regions import Level, RegionNotFoundError, Regions, load_regions
from services.runtime.lined_yaml import BrokenDataError

INDUSTRIES = load_taxonomy().industries


@pytest.fixture(scope="module")
def regions() -> Regions:
    return load_regions()


class TestIndustries:
    def test_are_taken_apart_into_their_four_levels(self) -> None:
        found = INDUSTRIES.read("M7517")

        assert found.section.name_zh == "科学研究和技术服务业"
        assert (found.division, found.group, found.industry_class) == ("75", "751", "7517")

    @pytest.mark.parametrize(
        ("code", "levels"),
        [("C", (None,) * 3), ("C34", ("34", None, None)), ("A011", ("01", "011", None))],
    )
    def test_may_stop_at_any_level(self, code: str, levels: tuple[str | None, ...]) -> None:
        found = INDUSTRIES.read(code)

        assert (found.division, found.group, found.industry_class) == levels

    @pytest.mark.parametrize(
        "code", ["", "U", "c34", "C44", "C3", "C34210", "3421", "C3a", "C٣٤", "T98", "C34\n"]
    )
    def test_of_no_such_code_are_refused(self, code: str) -> None:
        with pytest.raises(UnknownIndustryError):
            INDUSTRIES.read(code)

    def test_share_every_division_from_01_to_97(self) -> None:
        numbers = [*range(1, 98)]
        held = [n for one in INDUSTRIES for n in range(int(one.first), int(one.last) + 1)]
        assert held == numbers

    def test_are_found_by_name(self) -> None:
        assert [one.code for one in INDUSTRIES.search("制造")] == ["C"]
        assert [one.code for one in INDUSTRIES.search("MINING")] == ["B"]
        assert INDUSTRIES.search(" ") == []

    def test_whose_divisions_overlap_are_told_by_line(self, tmp_path: Path) -> None:
        for path in DATA.glob("*.yaml"):
            (tmp_path / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
        path = tmp_path / "industries.yaml"
        path.write_text(path.read_text("utf-8").replace('["06", "12"]', '["05", "12"]'), "utf-8")

        with pytest.raises(BrokenDataError, match=r"industries.yaml line 4: .*does not follow 05"):
            load_taxonomy(tmp_path)


class TestRegions:
    def test_know_what_they_lie_in(self, regions: Regions) -> None:
        found = regions.find("420111")

        assert (found.name_zh, found.level) == ("洪山区", Level.COUNTY)
        assert found.within == ("湖北省", "武汉市")
        assert regions.find("420100").level is Level.PREFECTURE
        assert regions.find("420000").within == ()

    def test_have_the_name_of_today(self, regions: Regions) -> None:
        assert regions.find("120110").name_zh == "东丽区"  # 东郊区 until 1991

    @pytest.mark.parametrize("code", ["120104x", "420121", "999999", "42"])
    def test_that_are_none_today_are_not_found(self, regions: Regions, code: str) -> None:
        with pytest.raises(RegionNotFoundError):
            regions.find(code)

    def test_are_found_by_name_and_by_code(self, regions: Regions) -> None:
        assert [one.code for one in regions.search("洪山", limit=5)] == ["420111"]
        assert regions.search("湖北", limit=1)[0].code == "420000"
        assert regions.search("4201", limit=1)[0].name_zh == "武汉市"
        assert regions.search(" ", limit=5) == []

    def test_begin_with_the_provinces(self, regions: Regions) -> None:
        provinces = regions.provinces()

        assert len(provinces) == 34
        assert all(one.code.endswith("0000") for one in provinces)
