from __future__ import annotations

import dataclasses
import io

import pytest
from rich.console import Console

from components.shared.workspace.costs import Costs
from pipelines.planning.pilot_estimates import Estimate, Sample
from pipelines.planning.pilot_forecast import PilotForecast, StageForecast
from pipelines.planning.pilot_report import print_forecast

SHARE = Estimate(value=0.5, low=0.4, high=0.6)
NOTHING = Estimate(value=0.0, low=0.0, high=0.0)
STAGE = StageForecast(
    step="generate_questions",
    rows_in=2000,
    rows_out=1000,
    kept=SHARE,
    whole=Estimate(value=2e6, low=2e6, high=2e6),
)
FORECAST = PilotForecast(
    sample=Sample(num_pilot=2000, num_whole=2_000_000),
    stages=[STAGE],
    rows=Estimate(value=1e6, low=8e5, high=1.2e6),
    costs={"tokens written": Estimate(value=5e8, low=4e8, high=6e8), "GPU-hours": SHARE.times(1000)},
    quality={"duplicates": SHARE, "reward": SHARE},
    once=Costs(seconds=60.0, gpu_hours=8.0, tokens_read=0, tokens_written=0),
    price_per_gpu_hour=2.5,
)


def printed(forecast: PilotForecast) -> str:
    """Return what is printed, with one space between words."""
    file = io.StringIO()
    print_forecast(Console(file=file, width=200), forecast, "scalequest run paper --workspace w")
    return " ".join(file.getvalue().split())


@pytest.mark.parametrize(
    "told",
    [
        "pilot: 2,000 of 2,000,000 questions; the whole run, with 90 % intervals:",
        "generate_questions 2,000 1,000 50.0 % (40.0 % to 60.0 %) 2,000,000 (2,000,000 to 2,000,000)",
        "rows of the dataset 1,000,000 (800,000 to 1,200,000)",
        "tokens written 500,000,000 (400,000,000 to 600,000,000)",
        "GPU-hours 500.00 (400.00 to 600.00)",
        "money $1,250.00 ($1,000.00 to $1,500.00), at $2.50 for one GPU for one hour",
        "duplicates 50.0 % (40.0 % to 60.0 %)",
        "reward 0.500 (0.400 to 0.600)",
        "8.00 GPU-hours",
        "goes on with scalequest run paper --workspace w",
    ],
)
def test_each_figure_of_the_whole_run_is_printed_with_its_interval(told: str) -> None:
    assert told in printed(FORECAST)


def test_without_a_gpu_or_a_price_nothing_is_said_of_them() -> None:
    no_gpu = dataclasses.replace(FORECAST, costs={"GPU-hours": NOTHING})
    assert "GPU-hours 0" not in printed(no_gpu)
    assert "money" not in printed(no_gpu)
    assert "money" not in printed(dataclasses.replace(FORECAST, price_per_gpu_hour=0.0))


def test_a_dataset_of_a_few_rows_is_said_to_be_too_few() -> None:
    assert "fewer than 30 rows" not in printed(FORECAST)
    small = dataclasses.replace(STAGE, rows_out=29)
    assert "fewer than 30 rows" in printed(dataclasses.replace(FORECAST, stages=[small]))
