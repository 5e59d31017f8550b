"""One generalised assignment by HiGHS, in a process of its own: a file of arrays and seconds."""

import json
import sys
import time

import highspy
import numpy as np


def main() -> None:
    problem = np.load(sys.argv[1])
    model = highspy.Highs()
    for option, value in {
        "log_to_console": False,
        "time_limit": float(sys.argv[2]),
        "threads": 2,
    }.items():
        model.setOptionValue(option, value)
    add_columns(model, problem)
    add_rows(model, problem)
    began = time.perf_counter()
    model.run()
    seconds = time.perf_counter() - began
    info = model.getInfo()
    found = {"cost": info.objective_function_value, "bound": info.mip_dual_bound}
    sys.stdout.write(json.dumps({**found, "seconds": seconds}) + "\n")


def add_columns(model: highspy.Highs, problem: np.lib.npyio.NpzFile) -> None:
    """One for each edge, then one for each demand left out."""
    costs = np.concatenate([problem["costs"], problem["unmatched_costs"]]).astype(np.float64)
    count, empty = costs.size, np.empty(0, np.int32)
    lower, upper = np.zeros(count), np.ones(count)
    model.addCols(count, costs, lower, upper, 0, empty, empty, np.empty(0))
    kinds = np.full(count, highspy.HighsVarType.kInteger)
    model.changeColsIntegrality(count, np.arange(count, dtype=np.int32), kinds)


def add_rows(model: highspy.Highs, problem: np.lib.npyio.NpzFile) -> None:
    """One for each demand, then one for each machine."""
    first, edges = problem["first"], problem["costs"].size
    for demand in range(first.size - 1):
        used = np.append(np.arange(first[demand], first[demand + 1]), edges + demand)
        model.addRow(1.0, 1.0, used.size, used.astype(np.int32), np.ones(used.size))
    for machine, capacity in enumerate(problem["capacities"]):
        used = np.flatnonzero(problem["machines"] == machine).astype(np.int32)
        weights = problem["minutes"][used].astype(np.float64)
        model.addRow(-highspy.kHighsInf, float(capacity), used.size, used, weights)


if __name__ == "__main__":
    main()
