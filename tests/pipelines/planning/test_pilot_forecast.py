from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from components.shared.records import Example
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import read_manifest
from pipelines.planning.pilot_estimates import Estimate
from pipelines.planning.pilot_forecast import PilotForecast, forecast
from tests.scripted_runs import ASKED, SCORED, make_dataset

RUNS, AT_LEAST = 20, 17
NUM_PILOT, NUM_WHOLE = 100, 400
ROWS_PER_PART = 512  # few objects: what takes time is to write them


def estimates_of(seen: PilotForecast) -> dict[str, Estimate]:
    """Return all that a pilot prints of the whole run."""
    kept = {f"{each.step}: kept": each.kept for each in seen.stages}
    given = {f"{each.step}: rows in": each.whole for each in seen.stages}
    return {"rows": seen.rows, **seen.costs, **seen.quality, **kept, **given}


def truth_of(run: dict[str, str], workspace: Workspace) -> dict[str, float]:
    """Return what a whole run without a pilot came to."""
    manifests = {step: read_manifest(folder) for step, folder in run.items()}
    rows = list(workspace.read(run["package_dataset"], Example))
    distinct = manifests["deduplicate"]
    metrics = [manifest.metrics for manifest in manifests.values()]
    return {
        "rows": len(rows),
        "tokens read": sum(each.get("prompt_tokens", 0) + each.get("tokens", 0) for each in metrics),
        "tokens written": sum(each.get("output_tokens", 0) for each in metrics),
        "GPU-hours": 0.0,
        "duplicates": 1 - distinct.rows_out / distinct.rows_in,
        "agreement": sum(row.num_agreeing or 0 for row in rows) / sum(row.num_candidates or 0 for row in rows),
        "reward": sum(row.reward or 0.0 for row in rows) / len(rows),
        **{f"{step}: kept": each.rows_out / each.rows_in for step, each in manifests.items()},
        **{f"{step}: rows in": float(each.rows_in) for step, each in manifests.items()},
    }


@pytest.mark.slow
def test_what_a_whole_run_comes_to_lies_in_the_interval_of_its_pilot_in_17_of_20_runs(tmp_path: Path) -> None:
    """Rows, tokens and quality, each on its own; the figures of the stages, of which there are many, together."""
    inside: Counter[str] = Counter()
    for seed in range(RUNS):
        piloted, other = (Workspace(str(tmp_path / f"{name}-{seed}")) for name in ("piloted", "undisturbed"))
        pilot = make_dataset(piloted, NUM_PILOT, seed=seed, rows_per_part=ROWS_PER_PART)
        seen = estimates_of(forecast(pilot["package_dataset"], NUM_WHOLE))
        whole = make_dataset(other, NUM_WHOLE, seed=seed, rows_per_part=ROWS_PER_PART)
        truth = truth_of(whole, other)
        assert truth.keys() == seen.keys()
        inside.update(name for name, value in truth.items() if seen[name].low - 1e-9 <= value <= seen[name].high + 1e-9)
    of_stages = [inside[name] for name in seen if ":" in name]
    assert {name: inside[name] for name in seen if ":" not in name and inside[name] < AT_LEAST} == {}
    assert sum(of_stages) >= AT_LEAST * len(of_stages), inside


def test_the_forecast_from_all_questions_is_what_the_run_came_to(tmp_path: Path) -> None:
    workspace = Workspace(str(tmp_path))
    run = make_dataset(workspace, 60, rows_per_part=ROWS_PER_PART)
    seen = estimates_of(forecast(run["package_dataset"], 60))
    for name, value in truth_of(run, workspace).items():
        assert (seen[name].low, seen[name].value, seen[name].high) == pytest.approx((value, value, value)), name


def test_a_pilot_that_took_its_rows_over_itself_foresees_the_same_costs(tmp_path: Path) -> None:
    taken, made = (Workspace(str(tmp_path / name)) for name in ("taken", "made"))
    make_dataset(taken, 40, rows_per_part=ROWS_PER_PART)
    folders = [
        make_dataset(workspace, 60, rows_per_part=ROWS_PER_PART)["package_dataset"] for workspace in (taken, made)
    ]
    first, second = (forecast(folder, 240).costs for folder in folders)
    for name, cost in second.items():
        assert first[name].value == pytest.approx(cost.value, rel=0.15), name


def test_models_are_no_part_of_what_grows(tmp_path: Path) -> None:
    workspace = Workspace(str(tmp_path))
    seen = forecast(make_dataset(workspace, 40, rows_per_part=ROWS_PER_PART)["package_dataset"], 400)
    assert seen.once.sentence == ""
    assert {each.step for each in seen.stages} >= {*ASKED, *SCORED}
