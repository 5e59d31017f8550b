"""The taxonomy: its data, its trees, suggestions, and what a broken file is told."""

from itertools import pairwise
from math import sqrt
from pathlib import Path

import pytest

from marketplace.taxonomy.domain import Taxonomy, UnknownMaterialError, UnknownProcessError
from marketplace.taxonomy.loader import DATA, load_taxonomy
from marketplace.taxonomy.tolerance import (
    ToleranceSizeError,
    ToleranceTooFineError,
    UnknownToleranceError,
)
from services.runtime.lined_yaml import BrokenDataError

BOUNDS_TO_500_MM = (3, 6, 10, 18, 30, 50, 80, 120, 180, 250, 315, 400, 500)


@pytest.fixture(scope="module")
def taxonomy() -> Taxonomy:
    return load_taxonomy()


class TestProcesses:
    def test_widen_to_everything_below(self, taxonomy: Taxonomy) -> None:
        assert taxonomy.expand_process("machining.milling") == {
            "machining.milling",
            "machining.milling.3axis",
            "machining.milling.5axis",
            "machining.milling.mill-turn",
        }

    def test_at_a_leaf_stand_for_themselves(self, taxonomy: Taxonomy) -> None:
        assert taxonomy.expand_process("coating.pvd") == {"coating.pvd"}

    def test_cover_the_main_groups_of_din_8580(self, taxonomy: Taxonomy) -> None:
        groups = {process.din8580 for process in taxonomy.processes if "." not in process.code}

        assert groups - {None} == {"1", "2", "3", "4", "5", "6"}

    def test_of_no_tree_are_refused_with_suggestions(self, taxonomy: Taxonomy) -> None:
        with pytest.raises(UnknownProcessError) as refused:
            taxonomy.expand_process("machining.turnin")

        assert refused.value.facts["suggestions"][0] == "machining.turning"  # type: ignore[index]


class TestMaterials:
    def test_widen_to_everything_above(self, taxonomy: Taxonomy) -> None:
        assert taxonomy.expand_material("metal.steel.stainless.316l") == {
            "metal",
            "metal.steel",
            "metal.steel.stainless",
            "metal.steel.stainless.316l",
        }

    @pytest.mark.parametrize("designation", ["S31603", "1.4404", "022Cr17Ni12Mo2", "316L"])
    def test_are_suggested_by_any_designation(self, taxonomy: Taxonomy, designation: str) -> None:
        with pytest.raises(UnknownMaterialError) as refused:
            taxonomy.expand_material(designation)

        assert refused.value.facts["suggestions"][0] == "metal.steel.stainless.316l"  # type: ignore[index]


class TestWords:
    @pytest.mark.parametrize(
        ("said", "code"),
        [
            ("慢走丝", "machining.edm.wire"),
            ("三坐标", "testing.dimensional.cmm"),
            ("wire edm", "machining.edm.wire"),
            ("FEA", "design.simulation.structural"),
            ("turning", "machining.turning"),
        ],
    )
    def test_find_a_process(self, taxonomy: Taxonomy, said: str, code: str) -> None:
        assert taxonomy.processes.search(said, limit=1)[0].code == code

    def test_that_are_blank_find_nothing(self, taxonomy: Taxonomy) -> None:
        assert taxonomy.processes.search("  ", limit=5) == []

    def test_name_codes_in_both_languages(self, taxonomy: Taxonomy) -> None:
        assert taxonomy.namer("zh")("iso-17025") == "CNAS 实验室认可"
        assert taxonomy.namer("en")("metal.steel") == "Steel"
        assert taxonomy.namer("en")("unheard-of") == "unheard-of"


class TestTolerance:
    @pytest.mark.parametrize(
        ("grade", "nominal_mm", "plus_minus_um"),
        [
            ("IT7", 25, 10),  # 21 µm wide
            ("it6", 18, 5),  # 11 µm: 18 still belongs to the band over 10
            ("IT6", 18.01, 6),  # 13 µm
            ("IT5", 0.5, 2),
            ("IT16", 500, 2000),
            ("IT1", 500, 4),
            ("IT18", 3150, 16500),
            ("IT7", 500.1, 35),  # 70 µm
            ("IT13", 1, 70),
            ("f", 30, 100),
            ("m", 30.1, 300),
            ("C", 4, 300),
            ("v", 4000, 8000),
        ],
    )
    def test_follows_the_standards(
        self, taxonomy: Taxonomy, grade: str, nominal_mm: float, plus_minus_um: int
    ) -> None:
        assert taxonomy.tolerance_um(grade, nominal_mm) == plus_minus_um

    @pytest.mark.parametrize(
        ("grade", "nominal_mm"),
        [
            ("IT7", 3150.1),
            ("IT14", 1),
            ("IT18", 0.5),
            ("m", 0.49),
            ("v", 2),
            ("f", 3000),
            ("IT7", 0),
            ("IT7", -1),
        ],
    )
    def test_says_nothing_outside_the_tables(
        self, taxonomy: Taxonomy, grade: str, nominal_mm: float
    ) -> None:
        with pytest.raises(ToleranceSizeError):
            taxonomy.tolerance_um(grade, nominal_mm)

    def test_knows_no_other_grade(self, taxonomy: Taxonomy) -> None:
        with pytest.raises(UnknownToleranceError):
            taxonomy.tolerance_um("IT19", 25)

    @pytest.mark.parametrize(("grade", "nominal_mm"), [("IT1", 25), ("it2", 3)])
    def test_of_less_than_a_micrometre_is_refused(
        self, taxonomy: Taxonomy, grade: str, nominal_mm: float
    ) -> None:
        with pytest.raises(ToleranceTooFineError):
            taxonomy.tolerance_um(grade, nominal_mm)

    @pytest.mark.parametrize("number", range(5, 19))
    def test_lies_where_the_formulas_of_the_standard_put_it(
        self, taxonomy: Taxonomy, number: int
    ) -> None:
        multiple = (7, 10, 16, 25, 40, 64, 100, 160, 250, 400, 640, 1000, 1600, 2500)[number - 5]
        bounds = (*BOUNDS_TO_500_MM, 630, 800, 1000, 1250, 1600, 2000, 2500, 3150)

        for over, up_to in pairwise(bounds):
            mean = sqrt(over * up_to)
            fine, coarse = 0.45 * mean ** (1 / 3) + 0.001 * mean, 0.004 * mean + 2.1
            width = multiple * (fine if up_to <= 500 else coarse)
            limit = taxonomy.tolerance_um(f"IT{number}", up_to)
            assert limit == pytest.approx(width / 2, rel=0.1, abs=0.6), (over, up_to)

    @pytest.mark.parametrize(
        ("plus_minus_um", "nominal_mm", "grade"),
        [
            (10, 25, "IT7"),
            (11, 25, "IT8"),  # more than half of 21 µm
            (1, 25, "IT2"),  # IT1 is ±0.75 µm there
            (650, 25, "IT16"),
            (1650, 25, "IT18"),
            (1651, 25, None),
            (71, 1, None),  # IT14 begins above 1 mm
            (10, 501, "IT4"),
            (10, 3151, None),
        ],
    )
    def test_tells_the_grade_a_value_stays_within(
        self, taxonomy: Taxonomy, plus_minus_um: int, nominal_mm: float, grade: str | None
    ) -> None:
        assert taxonomy.grade_of(plus_minus_um, nominal_mm) == grade

    def test_never_tightens_with_size_or_grade(self, taxonomy: Taxonomy) -> None:
        sizes = (2, 5, 8, 15, 25, 40, 60, 100, 150, 200, 300, 350, 450, 600, 900, 1500, 3000)
        grades = [f"IT{number}" for number in range(4, 19)]
        table = [[taxonomy.tolerance_um(grade, size) for size in sizes] for grade in grades]

        assert all(row == sorted(row) for row in table)
        assert all(list(column) == sorted(column) for column in zip(*table, strict=True))


class TestBrokenFiles:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        for path in DATA.glob("*.yaml"):
            (tmp_path / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
        return tmp_path

    @pytest.mark.parametrize(
        ("entry", "told"),
        [
            ("- {code: Bad Code, name: X, zh: 某}", "line 2: 0.code: entry Bad Code: code:"),
            ("- {code: x, name: X}", "line 2: 0.zh: entry x: zh: Field required"),
            ("- {code: x, name: X, zh: 某, colour: red}", "entry x: colour:"),
            (
                "- {code: x.y, name: X, zh: 某}",
                "line 2: 0.code: x.y: its parent x does not stand before it",
            ),
            (
                "- {code: x, name: X, zh: 某}\n- {code: x, name: X, zh: 某}",
                "line 3: 1.code: x stands twice",
            ),
            ("- {code: x", "processes.yaml line 3:"),
            ("code: x", "processes.yaml line 2: must be a list"),
        ],
    )
    def test_are_told_file_line_and_entry(self, folder: Path, entry: str, told: str) -> None:
        (folder / "processes.yaml").write_text(f"# comment\n{entry}\n", encoding="utf-8")

        with pytest.raises(BrokenDataError) as refused:
            load_taxonomy(folder)

        assert str(refused.value).startswith("processes.yaml")
        assert told in str(refused.value)

    def test_with_a_short_tolerance_row_are_refused(self, folder: Path) -> None:
        path = folder / "tolerances.yaml"
        text = path.read_text(encoding="utf-8").replace("IT5: [4, 4, 5,", "IT5: [4, 5,")
        path.write_text(text, encoding="utf-8")

        with pytest.raises(BrokenDataError, match=r"line 10: .*IT5 has 21 of 22 values"):
            load_taxonomy(folder)
