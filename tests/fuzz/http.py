"""Schemathesis against the committed OpenAPI document and the served API, with an owner's key."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from gateway.http.problems import STATUS
from services.runtime.clock import Clock
from services.runtime.db import Sessions
from services.runtime.routing import API_PREFIX
from tests.support.api import Keyring, Market, served_app

DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "openapi.json"
CHECKS: Final = (
    "not_a_server_error",
    "ignored_auth",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "negative_data_rejection",
    "use_after_free",
)
UNLIMITED: Final[dict[str, Any]] = {"sign_in_per_minute": 10**6, "requests_per_minute": 10**6}
ENDLESS: Final = f"{API_PREFIX}/stream"
"""Its answer never ends; tests/access/test_streams.py asks it."""
TIMEOUT_S: Final = 3_600
REFUSALS: Final = sorted({400, 405, 413, *STATUS.values()} - {503})
"""Every status by which the API refuses a request. Schemathesis of itself takes a fault (5xx) for a
refusal too, and a body over the limit (413) for none."""


@dataclass(frozen=True)
class Outcome:
    """What a run found; ``cases`` counts requests."""

    cases: int
    failures: list[str]
    said: str


@contextmanager
def fuzzed_platform(
    sessions: Sessions, clock: Clock, state_dir: Path
) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Address of the served API, an owner's key, and ids of what the owner's firm has."""
    keyring = Keyring(sessions, clock)
    with (
        served_app(sessions, clock, state_dir=state_dir, **UNLIMITED) as (_, address),
        httpx.Client(
            base_url=f"{address}{API_PREFIX}/",
            trust_env=False,
            timeout=30,
            auth=keyring,
            event_hooks={"response": [keyring.remember]},
        ) as client,
    ):
        market = Market(client, clock)
        firm, resource, offer = market.listed_mill("Fuzzed")
        demand = market.demand(firm)
        match = market.match(demand["id"])
        site = market.get(f"resources/{resource}")["site_id"]
        gateway = market.post("gateways", {"site_id": site, "edge_node": "fuzzed"})
        yield (
            address,
            keyring.key(firm),
            {
                "resource_id": resource,
                "offer_id": offer["id"],
                "demand_id": demand["id"],
                "match_id": match["id"],
                "site_id": site,
                "gateway_id": gateway["id"],
                "organisation_id": firm,
            },
        )


def fuzz(
    sessions: Sessions, clock: Clock, state_dir: Path, *, seed: int, phases: str, examples: int
) -> Outcome:
    """One run; the same seed asks the same."""
    with fuzzed_platform(sessions, clock, state_dir) as (address, key, ids):
        config = state_dir / "schemathesis.toml"
        config.write_text(_config(ids), encoding="utf-8")
        report = state_dir / "report.json"
        command = [
            sys.executable, "-m", "schemathesis.cli", "--config-file", str(config),
            "run", str(DOCUMENT), "--origin", address, "--header", f"Authorization: Bearer {key}",
            "--checks", ",".join(CHECKS), "--exclude-path", ENDLESS, "--phases", phases,
            "--max-examples", str(examples), "--seed", str(seed), "--no-shrink",
            "--generation-database", "none", "--request-timeout", "20", "--no-color",
            "--suppress-health-check", "all", "--report", "json", "--report-json-path", str(report),
        ]  # fmt: skip
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=state_dir, timeout=TIMEOUT_S
        )
    said = done.stdout + done.stderr
    if not report.exists():
        return Outcome(0, ["schemathesis did not run"], said)
    return _outcome(json.loads(report.read_text(encoding="utf-8")), said)


def _config(ids: Mapping[str, str]) -> str:
    """What a refusal is, and names of things that exist: probes come past the first look-up."""
    parameters = "".join(f'"path.{name}" = "{it}"\n' for name, it in ids.items())
    refusals = f"[checks.negative_data_rejection]\nexpected-statuses = {REFUSALS}\n"
    return f"{refusals}\n[parameters]\n{parameters}"


def _outcome(document: dict[str, Any], said: str) -> Outcome:
    failures = [
        f"{failure['code']} {failure['title']}: {operation}"
        for failure in document["failures"]
        for operation in failure["operations"]
    ]
    failures += [str(error) for error in document["errors"]]
    if not document["complete"]:
        failures.append(f"the run stopped early: {document['stop_reason']}")
    return Outcome(_cases(document), failures, said)


def _cases(document: dict[str, Any]) -> int:
    cases = document["test_cases"]
    return int(cases["generated"] if isinstance(cases, dict) else len(cases))
