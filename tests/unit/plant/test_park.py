"""Park files."""

from pathlib import Path

import pytest

from gateway.plant.park import ParkFileError, made_up_park, read_park
from gateway.plant.process import PROFILES


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "park.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_list_of_machines_is_a_park(tmp_path: Path) -> None:
    park = read_park(written(tmp_path, "- {device: mill-01, name: 五轴铣, kind: turning}\n"))
    (machine,) = park.machines
    assert (machine.device, machine.name) == ("mill-01", "五轴铣")
    assert machine.profile == PROFILES["turning"]


def test_a_profile_may_differ_from_a_named_one(tmp_path: Path) -> None:
    park = read_park(
        written(
            tmp_path,
            "machines:\n- {device: m, name: M, profile: {base: edm, cycle_s: 5}}\n"
            "faults:\n- {device: m, command: fault, after_s: 30}\n",
        )
    )
    assert park.machines[0].profile == PROFILES["edm"].model_copy(update={"cycle_s": 5})
    assert park.faults[0].command == "fault"


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("- {device: Mill 1, name: M}", "machines.0.device"),
        ("- {device: m, name: M, profile: knitting}", "unknown profile 'knitting'"),
        ("- {device: m, name: M, profile: {cycle_s: -1}}", "cycle_s"),
        ("- {device: m, name: M, colour: red}", "machines.0.colour"),
        ("- {device: m, name: M}\n- {device: m, name: N}", "device m stands twice"),
        (
            "machines: [{device: m, name: M}]\nfaults: [{device: x, command: fault, after_s: 1}]",
            "x",
        ),
        (
            "machines: [{device: m, name: M}]\nfaults: [{device: m, command: melt, after_s: 1}]",
            "'fault'",
        ),
        ("[]", "machines"),
        ("", "the file"),
        ("- {device: m", "not YAML"),
    ],
)
def test_names_file_and_cause_of_what_cannot_be_a_park(
    tmp_path: Path, text: str, cause: str
) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ParkFileError, match=cause) as caught:
        read_park(path)
    assert str(path) in str(caught.value)


def test_names_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ParkFileError, match="No such file"):
        read_park(tmp_path / "absent.yaml")


def test_a_made_up_park_has_every_kind() -> None:
    park = made_up_park(14)
    assert len({machine.device for machine in park.machines}) == 14
    assert {machine.kind for machine in park.machines} == set(PROFILES)
    assert all(machine.profile == PROFILES[machine.kind] for machine in park.machines)
