"""The seeded process of a simulated machine."""

from itertools import islice, pairwise

import pytest
from pydantic import ValidationError

from gateway.plant.process import PROFILES, Profile, Step, history, spindle_load
from services.contracts.telemetry import MachineryItemState, MachineryOperationMode

TURNING = PROFILES["turning"]


def steps(*, seed: int = 7, device: str = "lathe-01", profile: Profile = TURNING) -> list[Step]:
    return list(islice(history(profile, device=device, seed=seed), 3_000))


def test_same_seed_and_device_live_the_same_life() -> None:
    assert steps() == steps()


def test_another_seed_or_device_lives_another_life() -> None:
    assert steps(seed=8) != steps()
    assert steps(device="lathe-02") != steps()


def test_time_only_goes_forward() -> None:
    assert all(later.at_s > earlier.at_s for earlier, later in pairwise(steps()))


def test_a_part_is_counted_for_every_cycle_and_for_nothing_else() -> None:
    for earlier, later in pairwise(steps()):
        made = earlier.item is MachineryItemState.EXECUTING
        assert later.parts - earlier.parts == (1 if made else 0)


def test_cycles_last_about_as_long_as_the_profile_says() -> None:
    cycles = [
        later.at_s - earlier.at_s
        for earlier, later in pairwise(steps())
        if earlier.item is MachineryItemState.EXECUTING
    ]
    assert sum(cycles) / len(cycles) == pytest.approx(TURNING.cycle_s, rel=0.05)


def test_a_job_begins_after_a_setup_and_keeps_its_id_until_its_end() -> None:
    seen: list[str] = []
    for earlier, later in pairwise(steps()):
        if later.job_id and later.job_id != earlier.job_id:
            assert earlier.mode is MachineryOperationMode.SETUP
            assert later.job_id not in seen
            seen.append(later.job_id)
    assert len(seen) > 5


def test_predicted_end_jitters_around_what_is_left() -> None:
    jobs: dict[str, list[Step]] = {}
    for step in steps():
        if step.item is MachineryItemState.EXECUTING:
            jobs.setdefault(step.job_id, []).append(step)
    whole = list(jobs.values())[1]
    ends = [step.predicted_end_s for step in whole]
    assert None not in ends
    assert len(set(ends)) == len(ends)
    finished_s = whole[-1].at_s + TURNING.cycle_s
    assert whole[-1].predicted_end_s == pytest.approx(finished_s, abs=0.05 * TURNING.cycle_s)


def test_a_machine_without_a_job_predicts_no_end() -> None:
    idle = [step for step in steps() if not step.job_id]
    assert idle
    assert all(step.predicted_end_s is None for step in idle)


def test_every_combination_of_state_and_mode_comes_to_pass() -> None:
    eventful = TURNING.model_copy(
        update={"fault_probability": 0.05, "maintenance_probability": 0.5, "parts_max": 60}
    )
    seen = {(step.item, step.mode) for step in steps(profile=eventful)}
    assert seen == {
        (MachineryItemState.EXECUTING, MachineryOperationMode.PROCESSING),
        (MachineryItemState.NOT_EXECUTING, MachineryOperationMode.PROCESSING),
        (MachineryItemState.NOT_EXECUTING, MachineryOperationMode.SETUP),
        (MachineryItemState.NOT_EXECUTING, MachineryOperationMode.MAINTENANCE),
        (MachineryItemState.OUT_OF_SERVICE, MachineryOperationMode.PROCESSING),
    }


def test_a_park_is_found_in_the_middle_of_its_work() -> None:
    first = [steps(device=f"lathe-{number:02d}")[0] for number in range(40)]
    busy = sum(step.item is MachineryItemState.EXECUTING for step in first)
    assert 10 < busy < 40


def test_only_a_turning_spindle_is_loaded() -> None:
    executing = next(s for s in steps() if s.item is MachineryItemState.EXECUTING)
    idle = next(s for s in steps() if s.item is MachineryItemState.NOT_EXECUTING)
    assert spindle_load(executing, 0.0) == TURNING.load_percent
    assert spindle_load(executing, -100.0) == 0.0
    assert spindle_load(idle, 0.0) == 0.0


def test_refuses_a_profile_that_makes_less_than_it_must() -> None:
    with pytest.raises(ValidationError, match="parts_min 9 exceeds parts_max 3"):
        Profile(cycle_s=1, parts_min=9, parts_max=3)
