"""``nonagon plant`` as a process of its own."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from asyncua.client.client import Client
from typer.testing import CliRunner, Result

from gateway.plant.blueprint import Blueprint
from gateway.plant.cli import plant_app
from gateway.plant.control import PlantControl
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration
Run = Callable[..., Result]
ROOT = Path(__file__).resolve().parents[3]
FINISH_WITHIN_S = 60


@pytest.fixture
def occupied() -> Iterator[int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


@pytest.fixture
def run(blueprint: Blueprint, plant_state_dir: Path) -> Run:
    """The command in this process; ``blueprint`` has filled its state directory."""
    assert blueprint

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(plant_app, ["--state-dir", str(plant_state_dir), *arguments])

    return invoke


async def test_writes_its_endpoints_once_all_listen_and_stops_when_told(
    blueprint: Blueprint, plant_state_dir: Path, tmp_path: Path
) -> None:
    file = tmp_path / "run" / "endpoints.json"
    assert blueprint
    options = [
        "--machines",
        "4",
        "--state-dir",
        str(plant_state_dir),
        "--endpoints-file",
        str(file),
        "--offer-none",
    ]
    arguments = [sys.executable, "-m", "gateway.plant", *options]
    with subprocess.Popen(  # noqa: ASYNC220 - nothing else runs in this loop meanwhile
        arguments, cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            eventually(file.exists, within=FINISH_WITHIN_S, what="the endpoints file")
            endpoints = json.loads(file.read_text())
            assert [endpoint["device"] for endpoint in endpoints] == [
                "milling-01",
                "turning-02",
                "grinding-03",
                "edm-04",
            ]
            for endpoint in endpoints:
                assert set(endpoint) == {"device", "url", "machine", "certificate", "control"}
                async with Client(endpoint["url"]):
                    pass
            assert len(PlantControl.of_endpoints(file).status()) == 4
            process.send_signal(signal.SIGTERM)
            assert process.wait(FINISH_WITHIN_S) == 0
        finally:
            process.kill()
        output = process.stdout.read() if process.stdout else ""
    assert "4 machines listen; control on 127.0.0.1:" in output


def test_names_a_machine_port_in_use(run: Run, occupied: int) -> None:
    done = run("--machines", "1", "--base-port", str(occupied))
    assert done.exit_code == 1
    assert f"machine milling-01 cannot listen on 127.0.0.1:{occupied}" in done.stderr
    assert isinstance(done.exception, SystemExit)


def test_names_a_control_port_in_use(run: Run, occupied: int) -> None:
    done = run("--control-port", str(occupied))
    assert done.exit_code == 1
    assert f"the control cannot listen on 127.0.0.1:{occupied}" in done.stderr


def test_removes_the_endpoints_of_an_earlier_plant(run: Run, tmp_path: Path, occupied: int) -> None:
    file = tmp_path / "endpoints.json"
    file.write_text("[]")
    run("--control-port", str(occupied), "--endpoints-file", str(file))
    assert not file.exists()


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        (["--park", "absent.yaml"], "park file absent.yaml cannot be used: No such file"),
        (["--replay", "absent.txt"], "recording absent.txt cannot be replayed: No such file"),
        (["--replay", "x.txt", "--replay-device", "m"], "the plant has no device m"),
    ],
)
def test_names_what_it_cannot_use(run: Run, arguments: list[str], cause: str) -> None:
    done = run(*arguments)
    assert done.exit_code == 1
    assert cause in done.stderr
    assert isinstance(done.exception, SystemExit)
