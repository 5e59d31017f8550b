"""What a demo registered is known to the next one, as long as the park is the same."""

from pathlib import Path

from gateway.demo.park import load_demo_park
from gateway.demo.seed import Seeded

PARK = load_demo_park(with_replay=False)


def test_of_the_same_park_is_kept(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    Seeded(gateways={"shared": "1"}).keep(tmp_path, PARK)
    kept = Seeded.kept(tmp_path, PARK)
    assert kept is not None
    assert kept.gateways == {"shared": "1"}


def test_of_another_park_is_not(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    Seeded().keep(tmp_path, load_demo_park(with_replay=True))
    assert Seeded.kept(tmp_path, PARK) is None


def test_nothing_is_kept_at_first_or_when_the_file_is_spoilt(tmp_path: Path) -> None:
    assert Seeded.kept(tmp_path, PARK) is None
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "park.json").write_text("{", encoding="utf-8")
    assert Seeded.kept(tmp_path, PARK) is None
